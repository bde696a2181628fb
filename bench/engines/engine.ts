/** An engine under measurement: a daemon of its own data root in network and mount namespaces of its own. */
export interface MeasuredEngine extends AsyncDisposable {
  /** Such as `docker 28.5.1`. */
  readonly name: string;
  /** Path of its unix socket, for the one docker client that drives all of them. */
  readonly socket: string;
  /** Pids of all processes of the idle daemon. */
  processes(): Promise<readonly number[]>;
}

export interface EngineOptions {
  /** Short folder for data, sockets and logs; removed by the caller. */
  readonly folder: string;
  readonly signal: AbortSignal;
}
