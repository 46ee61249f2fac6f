/**
 * The control groups that a Linux process is in, whose limits bind it: its own, and every one above, since each of them
 * counts what all those below it take together (cgroups(7)). A container may see its own one as the root. Pure: whoever
 * asks reads the files.
 */

/** One of them holds the limits of a controller; version 1 has a tree for each controller, version 2 one for all. */
const ROOT = '/sys/fs/cgroup';

/**
 * @param own what `/proc/self/cgroup` says: `0::/a/b` a line of version 2, `4:memory:/a/b` of version 1
 * @returns folders, each once, the process's own first
 */
export function controlGroupFolders(own: string, controller: string): readonly string[] {
  const folders = own.split('\n').flatMap((line) => {
    const [, controllers, path = '/'] = /^\d+:([^:]*):(.*)$/.exec(line) ?? [];
    if (controllers === undefined) return [];
    if (controllers === '') return withThoseAbove(ROOT, path);
    return controllers.split(',').includes(controller) ? withThoseAbove(`${ROOT}/${controller}`, path) : [];
  });
  return [...new Set([...folders, ROOT, `${ROOT}/${controller}`])];
}

function withThoseAbove(tree: string, path: string): readonly string[] {
  const names = path.split('/').filter((name) => name !== '');
  // Of a process beyond the root of what can be seen from here.
  if (names.includes('..')) return [];
  return [...names.map((_, above) => `${tree}/${names.slice(0, names.length - above).join('/')}`), tree];
}

/**
 * @param content of a file that holds one number, or a word for none
 * @returns null: there is no limit, or no such file
 */
export function limitIn(content: string): number | null {
  return /^\d+\n?$/.test(content) ? Number(content) : null;
}
