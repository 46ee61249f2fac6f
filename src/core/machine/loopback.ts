/** Which hosts are this machine itself: there TLS and a password from the environment are not demanded. */

/**
 * True for `localhost`, 127.0.0.0/8 and ::1. Names are not resolved: a name that may change its address is not
 * loopback.
 */
export function isLoopback(host: string): boolean {
  return /^(localhost\.?|127(\.\d{1,3}){3}|\[?::1\]?)$/i.test(host);
}
