/**
 * What one job has of its own, for all of its mutants: a tree, servers, and runners of the tests, each started when
 * first asked for. Most mutants die without any server, and most others with the first of each sort.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { JobServers, serversHere } from './job-servers.js';
import type { ServerSet } from './test-files.js';
import { TestRunner } from './test-run.js';
import { Tree } from './tree.js';

type Project = 'unit' | 'servers';

export class Job {
  readonly #runners = new Map<string, TestRunner>();
  readonly #servers = new Map<ServerSet, JobServers>();
  readonly #noServers: string;
  readonly #temporary: string;

  /**
   * @param root of the checkout, which is copied
   * @param place a folder that does not exist yet, also for the tests' own temporary files
   */
  constructor(
    root: string,
    private readonly place: string,
    private readonly signal: AbortSignal,
  ) {
    this.#temporary = join(place, 'tmp');
    mkdirSync(this.#temporary, { recursive: true });
    this.#noServers = join(place, 'no-servers.json');
    writeFileSync(this.#noServers, JSON.stringify({ mysql: [], dynamodb: [] }));
    this.tree = Tree.copy(root, join(place, 'tree'));
  }

  readonly tree: Tree;

  /** Whether there is any server besides the first ones. */
  async hasOthers(): Promise<boolean> {
    const { mysql, dynamodb } = await serversHere();
    return mysql.length > 1 || dynamodb.length > 1;
  }

  async runner(project: Project, set: ServerSet): Promise<TestRunner> {
    const file = await this.#fileOf(set);
    const key = `${project} ${set}`;
    let runner = this.#runners.get(key);
    if (runner === undefined) {
      const env = { TMPDIR: this.#temporary, NO_COLOR: '1', DYNAFERRY_TEST_RUNNING: file };
      runner = new TestRunner(this.tree, project, env, this.signal);
      this.#runners.set(key, runner);
    }
    return runner;
  }

  /** After a run that failed with these servers. */
  async tidy(set: ServerSet): Promise<void> {
    // The others may lack a sort, of which they have the first one then.
    for (const used of set === 'others' ? (['first', 'others'] as const) : [set]) {
      if ((await this.#servers.get(used)?.tidy()) !== 'restarted') continue;
      // A vitest that stays knows the servers that were there when it started.
      await this.#closeRunners();
      if (used === 'first') await this.#closeServers('others');
    }
  }

  async close(): Promise<void> {
    await this.#closeRunners();
    await this.#closeServers('others');
    await this.#closeServers('first');
  }

  /** For DYNAFERRY_TEST_RUNNING. */
  async #fileOf(set: ServerSet): Promise<string> {
    if (set === 'none') return this.#noServers;
    let servers = this.#servers.get(set);
    if (servers === undefined) {
      const { mysql, dynamodb } = await serversHere();
      const file = join(this.place, `${set}-servers.json`);
      if (set === 'first') servers = await JobServers.start(file, mysql.slice(0, 1), dynamodb.slice(0, 1), null);
      else {
        await this.#fileOf('first');
        servers = await JobServers.start(file, mysql.slice(1), dynamodb.slice(1), this.#servers.get('first') ?? null);
      }
      this.#servers.set(set, servers);
    }
    return servers.file;
  }

  async #closeRunners(): Promise<void> {
    await Promise.all([...this.#runners.values()].map((runner) => runner.close()));
  }

  async #closeServers(set: ServerSet): Promise<void> {
    const servers = this.#servers.get(set);
    this.#servers.delete(set);
    await servers?.close();
  }
}
