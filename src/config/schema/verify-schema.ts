/** Defines the YAML shape of `verify`: how long a comparison stays valid. */
import * as z from 'zod';
import { duration } from './fields.js';

export const verifyShape = z
  .strictObject({
    maxAge: duration()
      .prefault('1h')
      .describe(
        'greatest age of the last comparison at which an interrupted verification resumes; default: 1h; an older one starts again, and with 0s every one does',
      ),
  })
  .describe('how dynaferry verifies the copy');
