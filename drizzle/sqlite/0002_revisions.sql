CREATE TABLE `revisions` (
	`collection` text PRIMARY KEY NOT NULL,
	`rev` integer NOT NULL
);
--> statement-breakpoint
INSERT INTO `revisions` (`collection`, `rev`) SELECT 'tasks', `tasks_rev` FROM `log_head`;
--> statement-breakpoint
ALTER TABLE `log_head` DROP COLUMN `tasks_rev`;
--> statement-breakpoint
UPDATE `idempotency` SET `body` = json_object('id', `body` ->> 'id', 'body', `body`) WHERE `scope` LIKE '% POST /collab/tasks';
--> statement-breakpoint
UPDATE `idempotency` SET `body` = json_object(
	'isNew', json(iif(`body` LIKE 'new %', 'true', 'false')),
	'state', substr(`body`, 5, instr(substr(`body`, 5), ' ') - 1),
	'id', substr(`body`, 5 + instr(substr(`body`, 5), ' '), 36),
	'body', substr(`body`, 5 + instr(substr(`body`, 5), ' ') + 37)
) WHERE `scope` LIKE '% POST /jobs';
