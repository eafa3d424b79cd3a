CREATE TABLE `task_blockers` (
	`task` text NOT NULL,
	`blocker` text NOT NULL,
	PRIMARY KEY(`task`, `blocker`)
);
--> statement-breakpoint
CREATE INDEX `task_blockers_waiting` ON `task_blockers` (`blocker`,`task`);--> statement-breakpoint
CREATE TABLE `task_counts` (
	`space` integer NOT NULL,
	`status` text NOT NULL,
	`count` integer NOT NULL,
	PRIMARY KEY(`space`, `status`)
);
--> statement-breakpoint
CREATE TABLE `task_labels` (
	`seq` integer NOT NULL,
	`label` text NOT NULL,
	`space` integer NOT NULL,
	`assignee` text,
	`priority` integer NOT NULL,
	`rank` text NOT NULL,
	`ready` integer NOT NULL,
	PRIMARY KEY(`seq`, `label`)
);
--> statement-breakpoint
CREATE INDEX `task_labels_ready` ON `task_labels` (`space`,`label`,`assignee`,priority desc,`rank`,`seq`) WHERE ready = 1;--> statement-breakpoint
CREATE TABLE `task_numbers` (
	`space` integer PRIMARY KEY NOT NULL,
	`next` integer NOT NULL
);
--> statement-breakpoint
ALTER TABLE `events` ADD `ready` integer;--> statement-breakpoint
-- Mended by hand: drizzle-kit splits the expression at its commas.
CREATE INDEX `events_of_task` ON `events` (substr(subject, 15, 36), `id`) WHERE type LIKE 'task.%';--> statement-breakpoint
ALTER TABLE `tasks` ADD `updated_seq` integer DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE `tasks` ADD `number` integer DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE `tasks` ADD `status` text DEFAULT 'open' NOT NULL;--> statement-breakpoint
ALTER TABLE `tasks` ADD `status_since` integer DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE `tasks` ADD `priority` integer DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE `tasks` ADD `rank` text DEFAULT '' NOT NULL;--> statement-breakpoint
ALTER TABLE `tasks` ADD `assignee` text;--> statement-breakpoint
ALTER TABLE `tasks` ADD `claimed_by` text;--> statement-breakpoint
ALTER TABLE `tasks` ADD `created_by` text;--> statement-breakpoint
ALTER TABLE `tasks` ADD `parent` text;--> statement-breakpoint
ALTER TABLE `tasks` ADD `blocked_by` text DEFAULT '[]' NOT NULL;--> statement-breakpoint
ALTER TABLE `tasks` ADD `open_blockers` integer DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE `tasks` ADD `labels` text DEFAULT '[]' NOT NULL;--> statement-breakpoint
ALTER TABLE `tasks` ADD `metadata` text DEFAULT '{}' NOT NULL;--> statement-breakpoint
ALTER TABLE `tasks` ADD `note` text;--> statement-breakpoint
ALTER TABLE `tasks` ADD `due_at` integer;--> statement-breakpoint
ALTER TABLE `tasks` ADD `defer_until` integer;--> statement-breakpoint
ALTER TABLE `tasks` ADD `etag` text;--> statement-breakpoint
-- Backfill: what earlier versions' rows cannot say by themselves. Numbers follow the order of creation.
UPDATE `tasks` SET
	`number` = old.`number`,
	`updated_seq` = coalesce(old.`changed`, old.`seq`),
	`status_since` = `created_at`,
	`rank` = substr(replace(`id`, '-', ''), 1, 16) || 'm'
FROM (
	SELECT `seq`, row_number() OVER (PARTITION BY `tasks`.`space` ORDER BY `seq`) AS `number`, `changed`
	FROM `tasks` LEFT JOIN (
		SELECT `subject`, max(`id`) AS `changed` FROM `events`
		WHERE `type` IN ('task.created', 'task.updated') GROUP BY `subject`
	) AS `kept` ON `kept`.`subject` = '/collab/tasks/' || `tasks`.`id`
) AS old WHERE old.`seq` = `tasks`.`seq`;
--> statement-breakpoint
INSERT INTO `task_counts` (`space`, `status`, `count`) SELECT `space`, 'open', count(*) FROM `tasks` GROUP BY `space`;
--> statement-breakpoint
INSERT INTO `task_numbers` (`space`, `next`) SELECT `space`, max(`number`) + 1 FROM `tasks` GROUP BY `space`;
-- End of the backfill.
--> statement-breakpoint
CREATE UNIQUE INDEX `tasks_number` ON `tasks` (`space`,`number`);--> statement-breakpoint
CREATE INDEX `tasks_ready` ON `tasks` (`space`,`assignee`,priority desc,`rank`,`seq`) WHERE status = 'open' AND defer_until IS NULL AND open_blockers = 0;--> statement-breakpoint
CREATE INDEX `tasks_deferred` ON `tasks` (`defer_until`) WHERE defer_until IS NOT NULL;