/**
 * Declares undici's pool as a module of its own. undici's index also loads fetch, WebSocket, caches and mocks, which
 * take 80 of its 110 ms of processor time. undici does not promise this path, so package.json pins its version with
 * `~`.
 */
declare module 'undici/lib/dispatcher/pool.js' {
  export { Pool as default } from 'undici';
}
