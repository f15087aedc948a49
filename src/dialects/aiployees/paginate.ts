/** Laravel's LengthAwarePaginator (aiployees 1.5). `url` is the list's own, with the filters that later pages must keep. */
export function paginate<Item>(data: Item[], total: number, page: { number: number; size: number }, url: URL) {
  const path = `${url.origin}${url.pathname}`;
  const lastPage = Math.max(1, Math.ceil(total / page.size));
  const urlOf = (number: number): string => {
    const query = new URLSearchParams(url.search);
    query.delete("page");
    query.append("page", String(number));
    return `${path}?${query}`;
  };
  const previous = page.number > 1 ? urlOf(page.number - 1) : null;
  const next = page.number < lastPage ? urlOf(page.number + 1) : null;
  const first = (page.number - 1) * page.size + 1;
  return {
    current_page: page.number,
    data,
    first_page_url: urlOf(1),
    from: data.length > 0 ? first : null,
    last_page: lastPage,
    last_page_url: urlOf(lastPage),
    links: [
      { url: previous, label: "&laquo; Previous", active: false },
      ...pageLabels(page.number, lastPage).map((number) =>
        number === undefined
          ? { url: null, label: "...", active: false }
          : { url: urlOf(number), label: String(number), active: number === page.number },
      ),
      { url: next, label: "Next &raquo;", active: false },
    ],
    next_page_url: next,
    path,
    per_page: page.size,
    prev_page_url: previous,
    to: data.length > 0 ? first + data.length - 1 : null,
    total,
  };
}

const EACH_SIDE = 3;
const WINDOW = EACH_SIDE + 4;

/** The pages that Laravel's UrlWindow links to; undefined stands for the gap between them. */
function pageLabels(current: number, last: number): Array<number | undefined> {
  if (last < EACH_SIDE * 2 + 8) return range(1, last);
  if (current <= WINDOW) return [...range(1, WINDOW + EACH_SIDE), undefined, ...range(last - 1, last)];
  if (current > last - WINDOW) return [...range(1, 2), undefined, ...range(last - (WINDOW + EACH_SIDE - 1), last)];
  return [...range(1, 2), undefined, ...range(current - EACH_SIDE, current + EACH_SIDE), undefined, ...range(last - 1, last)];
}

const range = (from: number, to: number): number[] => Array.from({ length: to - from + 1 }, (_, index) => from + index);
