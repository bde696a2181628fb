import { after } from "node:test";

/** What the tests of a file or a suite share. */
export interface Owner {
  after(done: () => void | Promise<void>): void;
}

/** What it is given to undo is undone after all of them, the last first. To be called where tests are defined. */
export function ownerOfTests(): Owner {
  const undo: (() => void | Promise<void>)[] = [];
  after(async () => {
    for (const done of undo.toReversed()) await done();
  });
  return { after: (done) => void undo.push(done) };
}
