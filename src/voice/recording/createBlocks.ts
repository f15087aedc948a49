/** Room for the samples of a recording until they are in its file, used again: it is megabytes a second when there are many calls. */
export interface Blocks {
  /** What is in it is left from its last use. */
  take(): Block;
}

export interface Block {
  samples: Int16Array;
  /** The same memory. */
  bytes: Buffer;
  /** Once, when nobody looks at it any more. */
  free(): void;
}

/** After many calls at once, the rest is left to the garbage collector. */
const MOST_SPARE = 64;

/** `samples`: in a block. */
export function createBlocks(samples: number): Blocks {
  const spare: Block[] = [];
  const create = (): Block => {
    const room = new Int16Array(samples);
    const block: Block = {
      samples: room,
      bytes: Buffer.from(room.buffer),
      free() {
        if (spare.length < MOST_SPARE) spare.push(block);
      },
    };
    return block;
  };
  return { take: () => spare.pop() ?? create() };
}
