/**
 * Declares undici's pool as a module of its own. The index of undici also loads fetch, WebSocket, caches and mocks,
 * which take 80 of its 110 ms of processor time. No promise of undici covers this path, so package.json pins the
 * version with `~`.
 */
declare module 'undici/lib/dispatcher/pool.js' {
  export { Pool as default } from 'undici';
}
