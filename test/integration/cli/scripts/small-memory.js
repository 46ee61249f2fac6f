// @ts-check
/**
 * Loaded before a program (`node --import`): a container of 16 MiB, as far as the program asks. The largest row that it
 * takes has 2 MiB.
 */
process.constrainedMemory = () => 16 * 2 ** 20;
