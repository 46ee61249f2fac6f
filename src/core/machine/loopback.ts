/**
 * Decides which hosts are this machine itself: for them, dynaferry demands neither TLS nor a password from the
 * environment.
 */

/**
 * Returns true for `localhost`, 127.0.0.0/8 and ::1. It resolves no names: a name that may change its address is not
 * loopback.
 */
export function isLoopback(host: string): boolean {
  return /^(localhost\.?|127(\.\d{1,3}){3}|\[?::1\]?)$/i.test(host);
}
