/**
 * Finds the control groups whose limits bind a Linux process. These are its own group and every group above it, since
 * each counts the use of all groups below it (cgroups(7)). A container may see its own group as the root. The functions
 * read no files: their callers do.
 */

/**
 * The root folder with the limits of the controllers. Version 1 has a tree for each controller, version 2 one tree for
 * all.
 */
const ROOT = '/sys/fs/cgroup';

/**
 * Returns the folders of the groups.
 * @param own content of `/proc/self/cgroup`: lines such as `0::/a/b` in version 2, `4:memory:/a/b` in version 1
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
  // The process is outside of the root that is visible from here.
  if (names.includes('..')) return [];
  return [...names.map((_, above) => `${tree}/${names.slice(0, names.length - above).join('/')}`), tree];
}

/**
 * Returns the limit in a file.
 * @param content of a file that holds one number, or a word for no limit
 * @returns null: there is no limit, or no such file
 */
export function limitIn(content: string): number | null {
  return /^\d+\n?$/.test(content) ? Number(content) : null;
}
