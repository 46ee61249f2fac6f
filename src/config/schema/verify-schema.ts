/** The YAML shape of `verify`: how long a comparison vouches for what it saw. */
import * as z from 'zod';
import { duration } from './fields.js';

export const verifyShape = z
  .strictObject({
    maxAge: duration()
      .prefault('1h')
      .describe(
        'how long ago the last comparison of an interrupted verification may be for it to be resumed: 1h unless given; after more, all is compared again, with 0s always',
      ),
  })
  .describe('how the copy is verified');
