import { appendFileSync } from "node:fs";
import { watchAnswers } from "./watch-answers.ts";

/** Loaded into a daemon that a test starts: its faulty answers end up in the file that the test names. */
const target = process.env["DUET_TEST_ANSWER_FAULTS"];
if (target !== undefined) watchAnswers((fault) => appendFileSync(target, `${fault}\n`));
