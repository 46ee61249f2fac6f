/** Defines the YAML shape of `verify`: how long a comparison stays valid. */
import * as z from 'zod';
import { duration } from './fields.js';

export const verifyShape = z
  .strictObject({
    maxAge: duration()
      .prefault('1h')
      .describe(
        'verify resumes an interrupted verification if its last comparison is at most this old, and else starts it again; 0s: always starts again; default: 1h',
      ),
  })
  .describe('how dynaferry verifies the copy');
