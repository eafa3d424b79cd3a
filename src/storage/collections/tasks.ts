/** What both databases share in storing tasks. */

/** `isReady` in SQL, for either database. A statement that is to use the index of ready tasks must have it. */
export const isReadySql = "status = 'open' AND defer_until IS NULL AND open_blockers = 0";
