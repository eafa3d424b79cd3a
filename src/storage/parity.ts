import type { collections as postgres } from "./postgres/collections.ts";
import type { collections as sqlite } from "./sqlite/collections.ts";

/** Both dialects register the same collections, whose tables hold the same rows: checked by the compiler, free at run time. */

type Same<A, B> =
	(<T>() => T extends Readonly<A> ? 1 : 2) extends <T>() => T extends Readonly<B> ? 1 : 2 ? true : never;

type Tables = Readonly<Record<string, { readonly $inferSelect: unknown }>>;
type Rows<T extends Tables> = { [Name in keyof T]: Readonly<T[Name]["$inferSelect"]> };
type RowsOf<C extends Readonly<Record<string, { readonly tables: Tables }>>> = {
	[Name in keyof C]: Rows<C[Name]["tables"]>;
};

export const collectionsAgree: Same<RowsOf<typeof sqlite>, RowsOf<typeof postgres>> = true;
