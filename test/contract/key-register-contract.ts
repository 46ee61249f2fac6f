/** Contract that every KeyRegister keeps. */
import { describe, expect, test } from 'vitest';
import type { Cursor } from '../../src/core/model.js';
import type { KeyRegister } from '../../src/core/ports/key-register.js';

export interface RegisterPlaceUnderTest extends AsyncDisposable {
  /** Opens the register; several may be open at once. */
  open(): KeyRegister;
}

const claim = (text: string, row: string) => ({ claim: text, cursor: row as Cursor });

export function keyRegisterContract(name: string, newPlace: () => Promise<RegisterPlaceUnderTest>): void {
  describe(`KeyRegister contract: ${name}`, () => {
    test('the key register finds no conflict between distinct keys, or when the same row claims its key again', async () => {
      await using place = await newPlace();
      const register = place.open();
      const claims = [claim('{"pk":{"S":"a"}}', 'row 1'), claim('{"pk":{"S":"b"}}', 'row 2')];
      expect(await register.claim({ shard: 's01', table: 'messages' }, claims)).toEqual([]);
      expect(await register.claim({ shard: 's01', table: 'messages' }, claims)).toEqual([]);
      expect(await register.claim({ shard: 's01', table: 'messages' }, [])).toEqual([]);
      register.close();
      const again = place.open();
      expect(await again.claim({ shard: 's01', table: 'messages' }, claims)).toEqual([]);
      again.close();
    });

    test('the key register reports the holder of a key to another row, and to the same cursor of another shard', async () => {
      await using place = await newPlace();
      const one = place.open();
      const other = place.open();
      await one.claim({ shard: 's01', table: 'messages' }, [claim('key', 'row 1')]);
      expect(
        await one.claim({ shard: 's01', table: 'messages' }, [claim('free', 'row 2'), claim('key', 'row 2')]),
      ).toEqual([{ index: 1, shard: 's01', table: 'messages', cursor: 'row 1' }]);
      expect(await other.claim({ shard: 's02', table: 'messages' }, [claim('key', 'row 1')])).toEqual([
        { index: 0, shard: 's01', table: 'messages', cursor: 'row 1' },
      ]);
      one.close();
      other.close();
    });

    test('the key register takes the same cursor in another table of the shard for another row', async () => {
      await using place = await newPlace();
      const register = place.open();
      await register.claim({ shard: 's01', table: 'messages' }, [claim('key', 'row 1')]);
      expect(await register.claim({ shard: 's01', table: 'media' }, [claim('key', 'row 1')])).toEqual([
        { index: 0, shard: 's01', table: 'messages', cursor: 'row 1' },
      ]);
      register.close();
    });

    test('the key register gives a key to the first of two rows that claim it in one call', async () => {
      await using place = await newPlace();
      const register = place.open();
      expect(
        await register.claim({ shard: 's01', table: 'messages' }, [claim('key', 'row 1'), claim('key', 'row 2')]),
      ).toEqual([{ index: 1, shard: 's01', table: 'messages', cursor: 'row 1' }]);
      register.close();
    });

    test('the key register transfers a key to another row only where the first row still holds it', async () => {
      await using place = await newPlace();
      const register = place.open();
      const [owner, cursor] = [{ shard: 's01', table: 'messages' }, (row: string) => row as Cursor];
      const passed = (from: string, to: string, by = owner): Promise<boolean> =>
        register.transfer(by, { claim: 'key', from: cursor(from), to: cursor(to) });
      expect(await passed('row 1', 'row 2')).toBe(false);
      await register.claim(owner, [claim('key', 'row 1'), claim('another', 'row 1')]);
      expect(await passed('row 3', 'row 2')).toBe(false);
      expect(await passed('row 1', 'row 2', { shard: 's02', table: 'messages' })).toBe(false);
      expect(await passed('row 1', 'row 2', { shard: 's01', table: 'media' })).toBe(false);
      expect(await passed('row 1', 'row 2')).toBe(true);
      expect(await passed('row 1', 'row 2')).toBe(false);
      register.close();
      const again = place.open();
      expect(await again.claim(owner, [claim('key', 'row 2'), claim('another', 'row 1')])).toEqual([]);
      expect(await again.claim(owner, [claim('key', 'row 1')])).toEqual([{ index: 0, ...owner, cursor: 'row 2' }]);
      again.close();
    });

    test('the key register rejects calls after close() with E_INTERNAL', async () => {
      await using place = await newPlace();
      const register = place.open();
      register.close();
      const passing = { claim: 'key', from: 'row 1' as Cursor, to: 'row 2' as Cursor };
      await expect(register.transfer({ shard: 's01', table: 'messages' }, passing)).rejects.toThrow(
        expect.objectContaining({ code: 'E_INTERNAL' }),
      );
      await expect(register.claim({ shard: 's01', table: 'messages' }, [claim('key', 'row 1')])).rejects.toThrow(
        expect.objectContaining({ code: 'E_INTERNAL' }),
      );
    });
  });
}
