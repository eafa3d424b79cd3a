/** What the database itself must remember: secrets made at first start, the log's identity. */
export interface SettingStore {
	/** The value kept under a name; `make` supplies it the first time. Several processes at once get the same one. */
	getOrMake(name: string, make: () => string): Promise<string>;
}
