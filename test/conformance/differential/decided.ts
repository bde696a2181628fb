/** A difference that stays, and why. */
export interface Decision {
  /** What differs, as one sentence for users. */
  readonly what: string;
  readonly why: string;
  /** Found in `scenario · step · place`. */
  readonly where: RegExp;
  /** Only beside dockerds of this version; otherwise beside all. */
  readonly beside?: string;
}

/** Every difference from the real Docker daemon that was decided upon. What is not here is a bug. */
export const decisions: readonly Decision[] = [
  {
    what: "The `Server` header names Duet.",
    why: "A client that logs it should log what it talked to.",
    where: / · headers\.server$/,
  },
  {
    what: "Every failure also has `class`, `code` and, where there is one, `hint` beside `message`.",
    why: "Docker's clients read only `message`; programs can tell Duet's failures apart without reading prose.",
    where: / · body\.(class|code|hint)$/,
  },
  {
    what: "Duet speaks newer versions of the API than Docker 20.10, and says so.",
    why: "Clients negotiate down to what they know.",
    where: / · headers\.api-version$/,
    beside: "20.10",
  },
];
