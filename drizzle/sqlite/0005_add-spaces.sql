DROP INDEX `jobs_leasable`;--> statement-breakpoint
DROP INDEX `jobs_oldest`;--> statement-breakpoint
DROP INDEX `jobs_unfinished_key`;--> statement-breakpoint
DROP INDEX `jobs_by_queue`;--> statement-breakpoint
DROP INDEX `jobs_by_kind`;--> statement-breakpoint
DROP INDEX `jobs_by_state`;--> statement-breakpoint
ALTER TABLE `jobs` ADD `space` integer DEFAULT 1 NOT NULL;--> statement-breakpoint
CREATE INDEX `jobs_in_space` ON `jobs` (`space`,`id`);--> statement-breakpoint
CREATE INDEX `jobs_leasable` ON `jobs` (`space`,`queue`,priority desc,`run_at`,`id`) WHERE state = 'queued';--> statement-breakpoint
CREATE INDEX `jobs_oldest` ON `jobs` (`space`,`queue`,`run_at`) WHERE state = 'queued';--> statement-breakpoint
CREATE UNIQUE INDEX `jobs_unfinished_key` ON `jobs` (`space`,`queue`,`unique_key`) WHERE unique_key IS NOT NULL AND state IN ('leased', 'queued', 'scheduled');--> statement-breakpoint
CREATE INDEX `jobs_by_queue` ON `jobs` (`space`,`queue`,`id`);--> statement-breakpoint
CREATE INDEX `jobs_by_kind` ON `jobs` (`space`,`kind`,`id`);--> statement-breakpoint
CREATE INDEX `jobs_by_state` ON `jobs` (`space`,`state`,`id`);--> statement-breakpoint
CREATE TABLE `__new_revisions` (
	`space` integer DEFAULT 1 NOT NULL,
	`collection` text NOT NULL,
	`rev` integer NOT NULL,
	PRIMARY KEY(`space`, `collection`)
);--> statement-breakpoint
INSERT INTO `__new_revisions`("space", "collection", "rev") SELECT 1, "collection", "rev" FROM `revisions`;--> statement-breakpoint
DROP TABLE `revisions`;--> statement-breakpoint
ALTER TABLE `__new_revisions` RENAME TO `revisions`;--> statement-breakpoint
CREATE TABLE `__new_job_counts` (
	`space` integer DEFAULT 1 NOT NULL,
	`queue` text NOT NULL,
	`cancelled` integer NOT NULL,
	`dead` integer NOT NULL,
	`leased` integer NOT NULL,
	`queued` integer NOT NULL,
	`scheduled` integer NOT NULL,
	`succeeded` integer NOT NULL,
	PRIMARY KEY(`space`, `queue`)
);--> statement-breakpoint
INSERT INTO `__new_job_counts`("space", "queue", "cancelled", "dead", "leased", "queued", "scheduled", "succeeded") SELECT 1, "queue", "cancelled", "dead", "leased", "queued", "scheduled", "succeeded" FROM `job_counts`;--> statement-breakpoint
DROP TABLE `job_counts`;--> statement-breakpoint
ALTER TABLE `__new_job_counts` RENAME TO `job_counts`;--> statement-breakpoint
ALTER TABLE `events` ADD `space` integer DEFAULT 1 NOT NULL;--> statement-breakpoint
ALTER TABLE `tasks` ADD `space` integer DEFAULT 1 NOT NULL;
