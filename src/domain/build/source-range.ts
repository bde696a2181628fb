/** Lines of a Dockerfile, counted from 1, both included. */
export interface SourceRange {
  readonly first: number;
  readonly last: number;
}
