/**
 * AWS's own DynamoDB Local 1.25.1, in memory. Needs Java 11 or newer. It listens on every interface: it has no option
 * for that.
 */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { unpacked, type RegistryPackage } from './download.js';
import { startDynamodbDaemon } from './dynamodb-daemon.js';
import { reasonOf, type DynamodbServer, type ServerKind } from './server.js';

const PACKAGE: RegistryPackage = {
  name: 'amplify-dynamodb-simulator',
  version: '2.9.30',
  folder: 'emulator',
  sha512:
    'c5379e44bbf311fab2779961ddb1f8734907bd21c79a6843e590ec1c5280439836665e89aa515dbad6908422c7cf1129e91cb5a3b4c1ea7888a17b9002749ec1',
};
const OLDEST_JAVA = 11;

export const dynamodbLocal: ServerKind<DynamodbServer> = {
  name: 'dynamodb-local',

  async available() {
    try {
      const java = await javaVersion();
      if (java < OLDEST_JAVA) return `Java ${java} is too old, it needs ${OLDEST_JAVA} or newer`;
      await unpacked(PACKAGE);
      return true;
    } catch (error) {
      return reasonOf(error);
    }
  },

  async start() {
    const folder = await unpacked(PACKAGE);
    return await startDynamodbDaemon({
      name: this.name,
      steps: ({ port, folder: scratch }) => [
        {
          command: 'java',
          cwd: folder,
          args: [
            // It unpacks a library there, and Java would leave statistics in /tmp/hsperfdata_USER.
            `-Djava.io.tmpdir=${scratch}`,
            '-XX:-UsePerfData',
            `-Djava.library.path=${join(folder, 'DynamoDBLocal_lib')}`,
            '-jar',
            join(folder, 'DynamoDBLocal.jar'),
            '-inMemory',
            // Otherwise each access key and region has tables of its own.
            '-sharedDb',
            '-disableTelemetry',
            '-port',
            String(port),
          ],
        },
      ],
    });
  },
};

/** The major version. @throws Error where there is no Java */
async function javaVersion(): Promise<number> {
  const { stderr } = await promisify(execFile)('java', ['-XX:-UsePerfData', '-version']).catch(() => {
    throw new Error('no Java on the PATH');
  });
  // `17.0.2`; up to Java 8: `1.8.0_292`
  const version = /version "(?:1\.)?(\d+)/.exec(stderr)?.[1];
  if (version === undefined) throw new Error('java -version gave no version');
  return Number(version);
}
