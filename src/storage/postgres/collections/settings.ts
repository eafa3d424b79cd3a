import { eq } from "drizzle-orm";
import { pgTable, text } from "drizzle-orm/pg-core";
import type { SettingStore } from "../../settings.ts";
import type { Registration, StoreContext } from "../collection.ts";

/** Values that the database stores for the program: secrets generated at first start, the log's identity. */
export const settingTable = pgTable("settings", {
	name: text().primaryKey(),
	value: text().notNull(),
});

export const settings = {
	tables: { settings: settingTable },
	store: settingStore,
} satisfies Registration<SettingStore>;

function settingStore({ pool, db }: StoreContext): SettingStore {
	const find = async (name: string) =>
		(await pool.query(() => db.select().from(settingTable).where(eq(settingTable.name, name))))[0]?.value;
	return {
		async getOrMake(name, make) {
			const kept = await find(name);
			if (kept !== undefined) return kept;
			const value = make();
			await pool.query(() => db.insert(settingTable).values({ name, value }).onConflictDoNothing());
			return (await find(name)) ?? value;
		},
	};
}
