import { version as packaged } from "../../package.json";

/** The program's version, as its package has it. */
export const version: string = packaged;
