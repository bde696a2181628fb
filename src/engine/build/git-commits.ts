/** Which commit a name of a repository is in one build: the same wherever the build names it, though it moves meanwhile. */
export class GitCommits {
  private readonly commits = new Map<string, Promise<string>>();

  /** `fetch` is given the name, or the commit that it was for who was first to name it. */
  async fetch<T extends { readonly commit: string }>(
    { url, ref }: { readonly url: string; readonly ref: string },
    fetch: (ref: string) => Promise<T>,
  ): Promise<T> {
    const name = JSON.stringify([url, ref]);
    const known = this.commits.get(name);
    if (known !== undefined) return await fetch(await known);
    const fetching = fetch(ref);
    const commit = fetching.then((fetched) => fetched.commit);
    commit.catch(() => undefined);
    this.commits.set(name, commit);
    return await fetching;
  }
}
