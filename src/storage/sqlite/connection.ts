import type { BunSQLiteDatabase } from "drizzle-orm/bun-sqlite";

/** The one connection, as the query builder sees it. */
export type Db = BunSQLiteDatabase;
