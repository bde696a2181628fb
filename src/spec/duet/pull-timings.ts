/** The `aux` of the last line of a pull (`POST /images/create`) that was asked for `timings`. */
export interface PullTimingsBody {
  readonly Timings: {
    /** From the pull's beginning to its end. */
    readonly Seconds: number;
    /** Side by side, so that together they may be more. */
    readonly Phases: readonly {
      readonly Name: string;
      readonly Seconds: number;
      readonly Bytes: number;
    }[];
    readonly Layers: readonly { readonly Source: string; readonly Count: number }[];
  };
}
