import { eq } from "drizzle-orm";
import { sqliteTable, text } from "drizzle-orm/sqlite-core";
import type { SettingStore } from "../../settings.ts";
import type { Registration, StoreContext } from "../collection.ts";

/** Values that the database stores for the program: secrets generated at first start, the log's identity. */
export const settingTable = sqliteTable("settings", {
	name: text().primaryKey(),
	value: text().notNull(),
});

export const settings = {
	tables: { settings: settingTable },
	store: settingStore,
} satisfies Registration<SettingStore>;

function settingStore({ db, run, readNow }: StoreContext): SettingStore {
	const find = (name: string) =>
		db.select().from(settingTable).where(eq(settingTable.name, name)).get()?.value;
	return {
		async getOrMake(name, make) {
			const kept = readNow(() => find(name));
			if (kept !== undefined) return kept;
			const value = make();
			return run({
				reads: [],
				decide() {
					db.insert(settingTable).values({ name, value }).onConflictDoNothing().run();
					return find(name) ?? value;
				},
			});
		},
	};
}
