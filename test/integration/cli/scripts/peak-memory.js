// @ts-check
/**
 * Loaded before a program (`node --import`): at its end, the most memory that the process had is written to
 * PEAK_MEMORY, in KiB.
 */
import { writeFileSync } from 'node:fs';

process.on('exit', () => writeFileSync(process.env['PEAK_MEMORY'] ?? '', String(process.resourceUsage().maxRSS)));
