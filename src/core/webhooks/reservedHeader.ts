/** What belongs to the connection (yappr 6.1) or to the delivery itself. */
const RESERVED =
  /^(host|content-length|content-type|transfer-encoding|connection|expect|keep-alive|proxy-.*|te|trailer|upgrade|webhook-(id|timestamp|signature))$/i;

/** Whether a webhook's header is not for its owner to set. */
export const isReservedHeader = (name: string): boolean => RESERVED.test(name);
