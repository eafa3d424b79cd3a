import type { BunSQLiteDatabase } from "drizzle-orm/bun-sqlite";
import type * as schema from "./schema.ts";

/** The one connection, as the query builder sees it. */
export type Db = BunSQLiteDatabase<typeof schema>;
