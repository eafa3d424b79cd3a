/** What the database's one writer has done in this process. */
export interface WriteCounts {
	/** Units of work that wait for the next group. */
	readonly waiting: number;
	/** Groups begun, each a transaction, and the units in them. */
	readonly groups: number;
	readonly units: number;
}
