/**
 * undici's pool by itself. Its index loads fetch, WebSocket, caches and mocks too, which is 80 of the 110 ms of
 * processor time that loading it takes; the path is no promise of undici's, so its version is held to `~`.
 */
declare module 'undici/lib/dispatcher/pool.js' {
  export { Pool as default } from 'undici';
}
