/** Where a change comes from: what every event of it bears. */
export interface ChangeContext {
	/** The request that makes the change. */
	readonly requestId: string;
}
