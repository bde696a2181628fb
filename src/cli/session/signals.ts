const forwarded: readonly NodeJS.Signals[] = [
  "SIGINT",
  "SIGTERM",
  "SIGHUP",
  "SIGQUIT",
  "SIGUSR1",
  "SIGUSR2",
  "SIGCONT",
];

/** After so many of SIGINT and SIGTERM this process ends, whatever the workload makes of them. */
const patience = 3;

/** While it lives, signals to this process go to `deliver` instead; after three of them `giveUp` is called. */
export class SignalProxy implements Disposable {
  private readonly listener: (name: NodeJS.Signals) => void;

  constructor(deliver: (name: NodeJS.Signals) => void, giveUp: () => void) {
    let seen = 0;
    this.listener = (name) => {
      if (name === "SIGINT" || name === "SIGTERM") seen += 1;
      if (seen >= patience) giveUp();
      else deliver(name);
    };
    for (const name of forwarded) process.on(name, this.listener);
  }

  [Symbol.dispose](): void {
    for (const name of forwarded) process.off(name, this.listener);
  }
}
