/**
 * Checks the rules between the fields of a shard: secrets are in the environment, and TLS protects every network.
 */
import { isReference } from '../yaml/environment.js';
import { type ConfigFault, invalid } from '../config-fault.js';
import { isLoopback } from '../../core/machine/loopback.js';
import type { ConfigNode } from './config-node.js';

/**
 * @param shard with the values of environment variables
 * @param written with `${NAME}` as the file has it
 */
export function shardChecks(shard: ConfigNode, written: ConfigNode): readonly ConfigFault[] {
  return [...password(shard, written), ...tls(shard)];
}

/** Refuses a password in the file, which ends up in backups and tickets, except for servers on this machine. */
function password(shard: ConfigNode, written: ConfigNode): readonly ConfigFault[] {
  const secret = written.at('password');
  if (!secret.given || isReference(secret.value) || isLocal(shard)) return [];
  const hint = 'put it into an environment variable, and write password: ${NAME}';
  return [invalid(secret.path, 'is written in plain text in the file', hint)];
}

function tls(shard: ConfigNode): readonly ConfigFault[] {
  const part = shard.at('tls');
  const [mode, ca, profile] = [part.at('mode'), part.at('ca'), part.at('profile')];
  const faults: ConfigFault[] = [];
  if (mode.text === 'off' && !isLocal(shard)) {
    const hint =
      'use verify, with `ca` or `profile` unless a public authority signed the certificate; or tunnel to a loopback port';
    faults.push(invalid(mode.path, 'is off, but the host is not loopback', hint));
  }
  if (ca.given && profile.given) {
    faults.push(
      invalid(profile.path, 'is given together with `ca`', 'keep the one that signed the certificate of the server'),
    );
  }
  if (mode.text === 'off' || mode.text === 'required') {
    for (const trust of [ca, profile].filter(({ given }) => given)) {
      const fact = `has no effect with mode: ${mode.text}, which checks no certificate`;
      faults.push(invalid(trust.path, fact, 'use mode: verify, or remove it'));
    }
  }
  return faults;
}

/** True where the shard's server and all its watched replicas are on this machine. */
function isLocal(shard: ConfigNode): boolean {
  return [shard, ...shard.at('replicas').entries].every((server) => isLoopback(server.at('host').text ?? ''));
}
