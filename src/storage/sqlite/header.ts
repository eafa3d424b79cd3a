const magic = "SQLite format 3\0";

/** How many bytes of a database file are its header (sqlite.org/fileformat.html#the_database_header). */
export const headerLength = 100;

/** What the header of a database file says. */
export interface Header {
	/** The length of the file in bytes, when its header was written. */
	readonly size: number;
	/** `PRAGMA user_version`: see `file-id.ts`. */
	readonly fileId: number;
}

/** Undefined if the bytes are not the beginning of a database file. */
export function parseHeader(bytes: Buffer): Header | undefined {
	if (bytes.length < headerLength || bytes.toString("latin1", 0, magic.length) !== magic) return undefined;
	// The page size 65,536 does not fit into its two bytes and is stored as 1.
	const pageSize = bytes.readUInt16BE(16) === 1 ? 65_536 : bytes.readUInt16BE(16);
	return { size: bytes.readUInt32BE(28) * pageSize, fileId: bytes.readInt32BE(60) };
}
