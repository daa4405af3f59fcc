BEGIN TRANSACTION;
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "alembic_version" VALUES('v3.2.0.a');
CREATE TABLE studies (
	study_id INTEGER NOT NULL, 
	study_name VARCHAR(512) NOT NULL, 
	PRIMARY KEY (study_id)
);
INSERT INTO "studies" VALUES(1,'nas-asc');
CREATE TABLE study_directions (
	study_direction_id INTEGER NOT NULL, 
	direction VARCHAR(8) NOT NULL, 
	study_id INTEGER NOT NULL, 
	objective INTEGER NOT NULL, 
	PRIMARY KEY (study_direction_id), 
	UNIQUE (study_id, objective), 
	FOREIGN KEY(study_id) REFERENCES studies (study_id)
);
INSERT INTO "study_directions" VALUES(1,'MINIMIZE',1,0);
INSERT INTO "study_directions" VALUES(2,'MINIMIZE',1,1);
CREATE TABLE study_system_attributes (
	study_system_attribute_id INTEGER NOT NULL, 
	study_id INTEGER, 
	"key" VARCHAR(512), 
	value_json TEXT, 
	PRIMARY KEY (study_system_attribute_id), 
	UNIQUE (study_id, "key"), 
	FOREIGN KEY(study_id) REFERENCES studies (study_id)
);
INSERT INTO "study_system_attributes" VALUES(1,1,'study:metric_names','["log_loss", "size_bytes"]');
CREATE TABLE study_user_attributes (
	study_user_attribute_id INTEGER NOT NULL, 
	study_id INTEGER, 
	"key" VARCHAR(512), 
	value_json TEXT, 
	PRIMARY KEY (study_user_attribute_id), 
	UNIQUE (study_id, "key"), 
	FOREIGN KEY(study_id) REFERENCES studies (study_id)
);
INSERT INTO "study_user_attributes" VALUES(1,1,'data','{"name": "synthetic-scenes", "clips": 1370, "classes": 10, "splits": {"train": 800, "validation": 270, "test": 300}, "clip_s": 1.0, "sample_rate_hz": 44100, "channels": 1, "synthetic": true, "devices": ["a", "b", "c", "s1", "s2", "s3", "s4", "s5", "s6"], "unseen_devices": ["s4", "s5", "s6"], "skipped": 0}');
INSERT INTO "study_user_attributes" VALUES(2,1,'classes','["airport", "bus", "metro", "metro_station", "park", "public_square", "shopping_mall", "street_pedestrian", "street_traffic", "tram"]');
INSERT INTO "study_user_attributes" VALUES(3,1,'content','"7547efdea324c6feda060dc557969a2424604790bd8c50db9490bdc04da927c0"');
INSERT INTO "study_user_attributes" VALUES(4,1,'choices','{"frontend.window": [1024, 2048, 2760, 4096], "frontend.hop": [512, 690, 1024, 1380, 2048], "frontend.n_mels": [32, 40, 48, 64, 80, 96, 128, 160], "frontend.normalisation": ["batch_norm", "standard"], "stem.width": [4, 6, 8, 12, 16, 24], "stem.kernel": ["3x3", "3x5", "5x3", "5x5"], "stem.stride": ["1x1", "1x2", "2x1", "2x2"], "stem.activation": ["relu", "silu", "hardswish"], "stage1.depth": [1, 2, 3], "stage1.block": ["fused_mbconv", "mbconv", "separable", "conv"], "stage1.width": [8, 12, 16, 20, 24, 32], "stage1.expand": [2, 3, 4, 6], "stage1.kernel": ["3x3", "3x5", "5x3", "5x5"], "stage1.stride": ["1x1", "1x2", "2x1", "2x2"], "stage1.squeeze_excite": [0.0, 0.25], "stage1.activation": ["relu", "silu", "hardswish"], "stage2.depth": [1, 2, 3, 4], "stage2.block": ["fused_mbconv", "mbconv", "separable", "conv"], "stage2.width": [8, 12, 18, 24, 32, 48], "stage2.expand": [2, 3, 4, 6], "stage2.kernel": ["3x3", "3x5", "5x3", "5x5"], "stage2.stride": ["1x1", "1x2", "2x1", "2x2"], "stage2.squeeze_excite": [0.0, 0.25], "stage2.activation": ["relu", "silu", "hardswish"], "stage3.depth": [0, 1, 2, 3, 4], "stage3.block": ["fused_mbconv", "mbconv", "separable", "conv"], "stage3.width": [12, 18, 24, 32, 48, 64], "stage3.expand": [2, 3, 4, 6], "stage3.kernel": ["3x3", "3x5", "5x3", "5x5"], "stage3.stride": ["1x1", "1x2", "2x1", "2x2"], "stage3.squeeze_excite": [0.0, 0.25], "stage3.activation": ["relu", "silu", "hardswish"], "stage4.depth": [0, 1, 2, 3], "stage4.block": ["fused_mbconv", "mbconv", "separable", "conv"], "stage4.width": [16, 24, 30, 40, 56, 80], "stage4.expand": [2, 3, 4, 6], "stage4.kernel": ["3x3", "3x5", "5x3", "5x5"], "stage4.stride": ["1x1", "1x2", "2x1", "2x2"], "stage4.squeeze_excite": [0.0, 0.25], "stage4.activation": ["relu", "silu", "hardswish"], "head.conv": [0, 32, 64, 100, 128], "head.activation": ["relu", "silu", "hardswish"], "head.pooling": ["avg", "max", "avg+max"], "compression.precision": ["float32", "float16", "int8"], "compression.pruning": ["none", "magnitude"], "compression.sparsity": [0.3, 0.5, 0.7, 0.8]}');
INSERT INTO "study_user_attributes" VALUES(5,1,'fixed','{"frontend.kind": "logmel", "frontend.channels": 1, "frontend.sample_rate_hz": 44100, "frontend.f_min_hz": 10, "frontend.f_max_hz": 16000, "stem.block": "conv", "stem.bias": true}');
INSERT INTO "study_user_attributes" VALUES(6,1,'ensembles','{}');
INSERT INTO "study_user_attributes" VALUES(7,1,'seeds_over_budget','[{"model": "deepsound-32", "size_bytes": 124180, "macs": 7941928, "binds": "size_bytes"}, {"model": "deepsound-64", "size_bytes": 124308, "macs": 15875368, "binds": "size_bytes"}, {"model": "deepsound-128", "size_bytes": 124564, "macs": 31742248, "binds": "size_bytes"}, {"model": "deepsound-160", "size_bytes": 124692, "macs": 39675688, "binds": "size_bytes"}]');
INSERT INTO "study_user_attributes" VALUES(8,1,'seeds_adapted','[]');
INSERT INTO "study_user_attributes" VALUES(9,1,'ensembles_skipped','[]');
CREATE TABLE trial_heartbeats (
	trial_heartbeat_id INTEGER NOT NULL, 
	trial_id INTEGER NOT NULL, 
	heartbeat DATETIME NOT NULL, 
	PRIMARY KEY (trial_heartbeat_id), 
	UNIQUE (trial_id), 
	FOREIGN KEY(trial_id) REFERENCES trials (trial_id)
);
CREATE TABLE trial_intermediate_values (
	trial_intermediate_value_id INTEGER NOT NULL, 
	trial_id INTEGER NOT NULL, 
	step INTEGER NOT NULL, 
	intermediate_value FLOAT, 
	intermediate_value_type VARCHAR(7) NOT NULL, 
	PRIMARY KEY (trial_intermediate_value_id), 
	UNIQUE (trial_id, step), 
	FOREIGN KEY(trial_id) REFERENCES trials (trial_id)
);
CREATE TABLE trial_params (
	param_id INTEGER NOT NULL, 
	trial_id INTEGER, 
	param_name VARCHAR(512), 
	param_value FLOAT, 
	distribution_json TEXT, 
	PRIMARY KEY (param_id), 
	UNIQUE (trial_id, param_name), 
	FOREIGN KEY(trial_id) REFERENCES trials (trial_id)
);
INSERT INTO "trial_params" VALUES(1,1,'frontend.window',2.0,'{"name": "CategoricalDistribution", "attributes": {"choices": [1024, 2048, 2760, 4096]}}');
INSERT INTO "trial_params" VALUES(2,1,'frontend.hop',3.0,'{"name": "CategoricalDistribution", "attributes": {"choices": [512, 690, 1024, 1380, 2048]}}');
INSERT INTO "trial_params" VALUES(3,1,'frontend.n_mels',1.0,'{"name": "CategoricalDistribution", "attributes": {"choices": [32, 40, 48, 64, 80, 96, 128, 160]}}');
INSERT INTO "trial_params" VALUES(4,1,'frontend.normalisation',1.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["batch_norm", "standard"]}}');
INSERT INTO "trial_params" VALUES(5,1,'stem.width',0.0,'{"name": "CategoricalDistribution", "attributes": {"choices": [4, 6, 8, 12, 16, 24]}}');
INSERT INTO "trial_params" VALUES(6,1,'stem.kernel',0.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["3x3", "3x5", "5x3", "5x5"]}}');
INSERT INTO "trial_params" VALUES(7,1,'stem.stride',0.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["1x1", "1x2", "2x1", "2x2"]}}');
INSERT INTO "trial_params" VALUES(8,1,'stem.activation',2.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["relu", "silu", "hardswish"]}}');
INSERT INTO "trial_params" VALUES(9,1,'stage1.depth',2.0,'{"name": "CategoricalDistribution", "attributes": {"choices": [1, 2, 3]}}');
INSERT INTO "trial_params" VALUES(10,1,'stage1.block',2.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["fused_mbconv", "mbconv", "separable", "conv"]}}');
INSERT INTO "trial_params" VALUES(11,1,'stage1.width',2.0,'{"name": "CategoricalDistribution", "attributes": {"choices": [8, 12, 16, 20, 24, 32]}}');
INSERT INTO "trial_params" VALUES(12,1,'stage1.kernel',0.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["3x3", "3x5", "5x3", "5x5"]}}');
INSERT INTO "trial_params" VALUES(13,1,'stage1.stride',3.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["1x1", "1x2", "2x1", "2x2"]}}');
INSERT INTO "trial_params" VALUES(14,1,'stage1.activation',0.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["relu", "silu", "hardswish"]}}');
INSERT INTO "trial_params" VALUES(15,1,'stage2.depth',1.0,'{"name": "CategoricalDistribution", "attributes": {"choices": [1, 2, 3, 4]}}');
INSERT INTO "trial_params" VALUES(16,1,'stage2.block',2.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["fused_mbconv", "mbconv", "separable", "conv"]}}');
INSERT INTO "trial_params" VALUES(17,1,'stage2.width',0.0,'{"name": "CategoricalDistribution", "attributes": {"choices": [8, 12, 18, 24, 32, 48]}}');
INSERT INTO "trial_params" VALUES(18,1,'stage2.kernel',0.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["3x3", "3x5", "5x3", "5x5"]}}');
INSERT INTO "trial_params" VALUES(19,1,'stage2.stride',2.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["1x1", "1x2", "2x1", "2x2"]}}');
INSERT INTO "trial_params" VALUES(20,1,'stage2.activation',2.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["relu", "silu", "hardswish"]}}');
INSERT INTO "trial_params" VALUES(21,1,'stage3.depth',2.0,'{"name": "CategoricalDistribution", "attributes": {"choices": [0, 1, 2, 3, 4]}}');
INSERT INTO "trial_params" VALUES(22,1,'stage3.block',1.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["fused_mbconv", "mbconv", "separable", "conv"]}}');
INSERT INTO "trial_params" VALUES(23,1,'stage3.width',1.0,'{"name": "CategoricalDistribution", "attributes": {"choices": [12, 18, 24, 32, 48, 64]}}');
INSERT INTO "trial_params" VALUES(24,1,'stage3.kernel',0.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["3x3", "3x5", "5x3", "5x5"]}}');
INSERT INTO "trial_params" VALUES(25,1,'stage3.stride',3.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["1x1", "1x2", "2x1", "2x2"]}}');
INSERT INTO "trial_params" VALUES(26,1,'stage3.expand',3.0,'{"name": "CategoricalDistribution", "attributes": {"choices": [2, 3, 4, 6]}}');
INSERT INTO "trial_params" VALUES(27,1,'stage3.squeeze_excite',0.0,'{"name": "CategoricalDistribution", "attributes": {"choices": [0.0, 0.25]}}');
INSERT INTO "trial_params" VALUES(28,1,'stage3.activation',2.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["relu", "silu", "hardswish"]}}');
INSERT INTO "trial_params" VALUES(29,1,'stage4.depth',0.0,'{"name": "CategoricalDistribution", "attributes": {"choices": [0, 1, 2, 3]}}');
INSERT INTO "trial_params" VALUES(30,1,'head.conv',0.0,'{"name": "CategoricalDistribution", "attributes": {"choices": [0, 32, 64, 100, 128]}}');
INSERT INTO "trial_params" VALUES(31,1,'head.pooling',1.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["avg", "max", "avg+max"]}}');
INSERT INTO "trial_params" VALUES(32,1,'compression.pruning',1.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["none", "magnitude"]}}');
INSERT INTO "trial_params" VALUES(33,1,'compression.precision',2.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["float32", "float16", "int8"]}}');
INSERT INTO "trial_params" VALUES(34,1,'compression.sparsity',3.0,'{"name": "CategoricalDistribution", "attributes": {"choices": [0.3, 0.5, 0.7, 0.8]}}');
INSERT INTO "trial_params" VALUES(35,2,'frontend.window',1.0,'{"name": "CategoricalDistribution", "attributes": {"choices": [1024, 2048, 2760, 4096]}}');
INSERT INTO "trial_params" VALUES(36,2,'frontend.hop',4.0,'{"name": "CategoricalDistribution", "attributes": {"choices": [512, 690, 1024, 1380, 2048]}}');
INSERT INTO "trial_params" VALUES(37,2,'frontend.n_mels',5.0,'{"name": "CategoricalDistribution", "attributes": {"choices": [32, 40, 48, 64, 80, 96, 128, 160]}}');
INSERT INTO "trial_params" VALUES(38,2,'frontend.normalisation',0.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["batch_norm", "standard"]}}');
INSERT INTO "trial_params" VALUES(39,2,'stem.width',4.0,'{"name": "CategoricalDistribution", "attributes": {"choices": [4, 6, 8, 12, 16, 24]}}');
INSERT INTO "trial_params" VALUES(40,2,'stem.kernel',3.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["3x3", "3x5", "5x3", "5x5"]}}');
INSERT INTO "trial_params" VALUES(41,2,'stem.stride',2.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["1x1", "1x2", "2x1", "2x2"]}}');
INSERT INTO "trial_params" VALUES(42,2,'stem.activation',2.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["relu", "silu", "hardswish"]}}');
INSERT INTO "trial_params" VALUES(43,2,'stage1.depth',0.0,'{"name": "CategoricalDistribution", "attributes": {"choices": [1, 2, 3]}}');
INSERT INTO "trial_params" VALUES(44,2,'stage1.block',3.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["fused_mbconv", "mbconv", "separable", "conv"]}}');
INSERT INTO "trial_params" VALUES(45,2,'stage1.width',1.0,'{"name": "CategoricalDistribution", "attributes": {"choices": [8, 12, 16, 20, 24, 32]}}');
INSERT INTO "trial_params" VALUES(46,2,'stage1.kernel',0.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["3x3", "3x5", "5x3", "5x5"]}}');
INSERT INTO "trial_params" VALUES(47,2,'stage1.stride',2.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["1x1", "1x2", "2x1", "2x2"]}}');
INSERT INTO "trial_params" VALUES(48,2,'stage1.activation',2.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["relu", "silu", "hardswish"]}}');
INSERT INTO "trial_params" VALUES(49,2,'stage2.depth',1.0,'{"name": "CategoricalDistribution", "attributes": {"choices": [1, 2, 3, 4]}}');
INSERT INTO "trial_params" VALUES(50,2,'stage2.block',3.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["fused_mbconv", "mbconv", "separable", "conv"]}}');
INSERT INTO "trial_params" VALUES(51,2,'stage2.width',0.0,'{"name": "CategoricalDistribution", "attributes": {"choices": [8, 12, 18, 24, 32, 48]}}');
INSERT INTO "trial_params" VALUES(52,2,'stage2.kernel',0.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["3x3", "3x5", "5x3", "5x5"]}}');
INSERT INTO "trial_params" VALUES(53,2,'stage2.stride',3.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["1x1", "1x2", "2x1", "2x2"]}}');
INSERT INTO "trial_params" VALUES(54,2,'stage2.activation',2.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["relu", "silu", "hardswish"]}}');
INSERT INTO "trial_params" VALUES(55,2,'stage3.depth',0.0,'{"name": "CategoricalDistribution", "attributes": {"choices": [0, 1, 2, 3, 4]}}');
INSERT INTO "trial_params" VALUES(56,2,'stage4.depth',1.0,'{"name": "CategoricalDistribution", "attributes": {"choices": [0, 1, 2, 3]}}');
INSERT INTO "trial_params" VALUES(57,2,'stage4.block',0.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["fused_mbconv", "mbconv", "separable", "conv"]}}');
INSERT INTO "trial_params" VALUES(58,2,'stage4.width',0.0,'{"name": "CategoricalDistribution", "attributes": {"choices": [16, 24, 30, 40, 56, 80]}}');
INSERT INTO "trial_params" VALUES(59,2,'stage4.kernel',2.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["3x3", "3x5", "5x3", "5x5"]}}');
INSERT INTO "trial_params" VALUES(60,2,'stage4.stride',3.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["1x1", "1x2", "2x1", "2x2"]}}');
INSERT INTO "trial_params" VALUES(61,2,'stage4.expand',2.0,'{"name": "CategoricalDistribution", "attributes": {"choices": [2, 3, 4, 6]}}');
INSERT INTO "trial_params" VALUES(62,2,'stage4.squeeze_excite',0.0,'{"name": "CategoricalDistribution", "attributes": {"choices": [0.0, 0.25]}}');
INSERT INTO "trial_params" VALUES(63,2,'stage4.activation',2.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["relu", "silu", "hardswish"]}}');
INSERT INTO "trial_params" VALUES(64,2,'head.conv',0.0,'{"name": "CategoricalDistribution", "attributes": {"choices": [0, 32, 64, 100, 128]}}');
INSERT INTO "trial_params" VALUES(65,2,'head.pooling',2.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["avg", "max", "avg+max"]}}');
INSERT INTO "trial_params" VALUES(66,2,'compression.pruning',1.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["none", "magnitude"]}}');
INSERT INTO "trial_params" VALUES(67,2,'compression.precision',2.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["float32", "float16", "int8"]}}');
INSERT INTO "trial_params" VALUES(68,2,'compression.sparsity',2.0,'{"name": "CategoricalDistribution", "attributes": {"choices": [0.3, 0.5, 0.7, 0.8]}}');
INSERT INTO "trial_params" VALUES(69,3,'frontend.window',2.0,'{"name": "CategoricalDistribution", "attributes": {"choices": [1024, 2048, 2760, 4096]}}');
INSERT INTO "trial_params" VALUES(70,3,'frontend.hop',1.0,'{"name": "CategoricalDistribution", "attributes": {"choices": [512, 690, 1024, 1380, 2048]}}');
INSERT INTO "trial_params" VALUES(71,3,'frontend.n_mels',3.0,'{"name": "CategoricalDistribution", "attributes": {"choices": [32, 40, 48, 64, 80, 96, 128, 160]}}');
INSERT INTO "trial_params" VALUES(72,3,'frontend.normalisation',1.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["batch_norm", "standard"]}}');
INSERT INTO "trial_params" VALUES(73,3,'stem.width',4.0,'{"name": "CategoricalDistribution", "attributes": {"choices": [4, 6, 8, 12, 16, 24]}}');
INSERT INTO "trial_params" VALUES(74,3,'stem.kernel',2.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["3x3", "3x5", "5x3", "5x5"]}}');
INSERT INTO "trial_params" VALUES(75,3,'stem.stride',1.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["1x1", "1x2", "2x1", "2x2"]}}');
INSERT INTO "trial_params" VALUES(76,3,'stem.activation',1.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["relu", "silu", "hardswish"]}}');
INSERT INTO "trial_params" VALUES(77,3,'stage1.depth',0.0,'{"name": "CategoricalDistribution", "attributes": {"choices": [1, 2, 3]}}');
INSERT INTO "trial_params" VALUES(78,3,'stage1.block',2.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["fused_mbconv", "mbconv", "separable", "conv"]}}');
INSERT INTO "trial_params" VALUES(79,3,'stage1.width',1.0,'{"name": "CategoricalDistribution", "attributes": {"choices": [8, 12, 16, 20, 24, 32]}}');
INSERT INTO "trial_params" VALUES(80,3,'stage1.kernel',0.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["3x3", "3x5", "5x3", "5x5"]}}');
INSERT INTO "trial_params" VALUES(81,3,'stage1.stride',1.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["1x1", "1x2", "2x1", "2x2"]}}');
INSERT INTO "trial_params" VALUES(82,3,'stage1.activation',0.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["relu", "silu", "hardswish"]}}');
INSERT INTO "trial_params" VALUES(83,3,'stage2.depth',1.0,'{"name": "CategoricalDistribution", "attributes": {"choices": [1, 2, 3, 4]}}');
INSERT INTO "trial_params" VALUES(84,3,'stage2.block',1.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["fused_mbconv", "mbconv", "separable", "conv"]}}');
INSERT INTO "trial_params" VALUES(85,3,'stage2.width',1.0,'{"name": "CategoricalDistribution", "attributes": {"choices": [8, 12, 18, 24, 32, 48]}}');
INSERT INTO "trial_params" VALUES(86,3,'stage2.kernel',0.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["3x3", "3x5", "5x3", "5x5"]}}');
INSERT INTO "trial_params" VALUES(87,3,'stage2.stride',2.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["1x1", "1x2", "2x1", "2x2"]}}');
INSERT INTO "trial_params" VALUES(88,3,'stage2.expand',0.0,'{"name": "CategoricalDistribution", "attributes": {"choices": [2, 3, 4, 6]}}');
INSERT INTO "trial_params" VALUES(89,3,'stage2.squeeze_excite',0.0,'{"name": "CategoricalDistribution", "attributes": {"choices": [0.0, 0.25]}}');
INSERT INTO "trial_params" VALUES(90,3,'stage2.activation',0.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["relu", "silu", "hardswish"]}}');
INSERT INTO "trial_params" VALUES(91,3,'stage3.depth',0.0,'{"name": "CategoricalDistribution", "attributes": {"choices": [0, 1, 2, 3, 4]}}');
INSERT INTO "trial_params" VALUES(92,3,'stage4.depth',0.0,'{"name": "CategoricalDistribution", "attributes": {"choices": [0, 1, 2, 3]}}');
INSERT INTO "trial_params" VALUES(93,3,'head.conv',0.0,'{"name": "CategoricalDistribution", "attributes": {"choices": [0, 32, 64, 100, 128]}}');
INSERT INTO "trial_params" VALUES(94,3,'head.pooling',2.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["avg", "max", "avg+max"]}}');
INSERT INTO "trial_params" VALUES(95,3,'compression.pruning',1.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["none", "magnitude"]}}');
INSERT INTO "trial_params" VALUES(96,3,'compression.precision',2.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["float32", "float16", "int8"]}}');
INSERT INTO "trial_params" VALUES(97,3,'compression.sparsity',1.0,'{"name": "CategoricalDistribution", "attributes": {"choices": [0.3, 0.5, 0.7, 0.8]}}');
CREATE TABLE trial_system_attributes (
	trial_system_attribute_id INTEGER NOT NULL, 
	trial_id INTEGER, 
	"key" VARCHAR(512), 
	value_json TEXT, 
	PRIMARY KEY (trial_system_attribute_id), 
	UNIQUE (trial_id, "key"), 
	FOREIGN KEY(trial_id) REFERENCES trials (trial_id)
);
CREATE TABLE trial_user_attributes (
	trial_user_attribute_id INTEGER NOT NULL, 
	trial_id INTEGER, 
	"key" VARCHAR(512), 
	value_json TEXT, 
	PRIMARY KEY (trial_user_attribute_id), 
	UNIQUE (trial_id, "key"), 
	FOREIGN KEY(trial_id) REFERENCES trials (trial_id)
);
INSERT INTO "trial_user_attributes" VALUES(1,1,'key','"5ecd1b52766455b3"');
INSERT INTO "trial_user_attributes" VALUES(2,1,'model','null');
INSERT INTO "trial_user_attributes" VALUES(3,1,'seed','1297934556');
INSERT INTO "trial_user_attributes" VALUES(4,1,'complexity','{"rule": "plain", "input_shape": [[1, 40, 32]], "params": 9054, "nonzero_params": 2488, "counted_params": 9054, "size_bytes": 5370, "macs": 712980, "counted_macs": 712980, "macs_fvcore_total": 798420, "macs_torchinfo": 718942, "peak_activation_bytes": 10880, "precision": "int8", "sparsity": 0.8}');
INSERT INTO "trial_user_attributes" VALUES(5,1,'architecture','{"space": "mbconv", "sections": {"frontend": {"kind": "logmel", "channels": 1, "sample_rate_hz": 44100, "f_min_hz": 10, "f_max_hz": 16000, "window": 2760, "hop": 1380, "n_mels": 40, "normalisation": "standard"}, "stem": {"block": "conv", "bias": true, "width": 4, "kernel": "3x3", "stride": "1x1", "activation": "hardswish"}, "stage1": {"depth": 3, "block": "separable", "width": 16, "kernel": "3x3", "stride": "2x2", "activation": "relu"}, "stage2": {"depth": 2, "block": "separable", "width": 8, "kernel": "3x3", "stride": "2x1", "activation": "hardswish"}, "stage3": {"depth": 2, "block": "mbconv", "width": 18, "kernel": "3x3", "stride": "2x2", "expand": 6, "squeeze_excite": 0.0, "activation": "hardswish"}, "stage4": {"depth": 0}, "head": {"conv": 0, "pooling": "max"}, "compression": {"pruning": "magnitude", "precision": "int8", "sparsity": 0.8}}, "choices": ["frontend.window", "frontend.hop", "frontend.n_mels", "frontend.normalisation", "stem.width", "stem.kernel", "stem.stride", "stem.activation", "stage1.depth", "stage1.block", "stage1.width", "stage1.kernel", "stage1.stride", "stage1.activation", "stage2.depth", "stage2.block", "stage2.width", "stage2.kernel", "stage2.stride", "stage2.activation", "stage3.depth", "stage3.block", "stage3.width", "stage3.kernel", "stage3.stride", "stage3.expand", "stage3.squeeze_excite", "stage3.activation", "stage4.depth", "head.conv", "head.pooling", "compression.pruning", "compression.precision", "compression.sparsity"]}');
INSERT INTO "trial_user_attributes" VALUES(6,1,'rejected_over_budget','1041');
INSERT INTO "trial_user_attributes" VALUES(7,1,'duplicates','0');
INSERT INTO "trial_user_attributes" VALUES(8,2,'key','"b3523ae7a24a4457"');
INSERT INTO "trial_user_attributes" VALUES(9,2,'model','null');
INSERT INTO "trial_user_attributes" VALUES(10,2,'seed','316462427');
INSERT INTO "trial_user_attributes" VALUES(11,2,'complexity','{"rule": "plain", "input_shape": [[1, 96, 22]], "params": 8610, "nonzero_params": 2864, "counted_params": 8610, "size_bytes": 4528, "macs": 1686304, "counted_macs": 1686304, "macs_fvcore_total": 1744672, "macs_torchinfo": 1703586, "peak_activation_bytes": 23232, "precision": "int8", "sparsity": 0.7}');
INSERT INTO "trial_user_attributes" VALUES(12,2,'architecture','{"space": "mbconv", "sections": {"frontend": {"kind": "logmel", "channels": 1, "sample_rate_hz": 44100, "f_min_hz": 10, "f_max_hz": 16000, "window": 2048, "hop": 2048, "n_mels": 96, "normalisation": "batch_norm"}, "stem": {"block": "conv", "bias": true, "width": 16, "kernel": "5x5", "stride": "2x1", "activation": "hardswish"}, "stage1": {"depth": 1, "block": "conv", "width": 12, "kernel": "3x3", "stride": "2x1", "activation": "hardswish"}, "stage2": {"depth": 2, "block": "conv", "width": 8, "kernel": "3x3", "stride": "2x2", "activation": "hardswish"}, "stage3": {"depth": 0}, "stage4": {"depth": 1, "block": "fused_mbconv", "width": 16, "kernel": "5x3", "stride": "2x2", "expand": 4, "squeeze_excite": 0.0, "activation": "hardswish"}, "head": {"conv": 0, "pooling": "avg+max"}, "compression": {"pruning": "magnitude", "precision": "int8", "sparsity": 0.7}}, "choices": ["frontend.window", "frontend.hop", "frontend.n_mels", "frontend.normalisation", "stem.width", "stem.kernel", "stem.stride", "stem.activation", "stage1.depth", "stage1.block", "stage1.width", "stage1.kernel", "stage1.stride", "stage1.activation", "stage2.depth", "stage2.block", "stage2.width", "stage2.kernel", "stage2.stride", "stage2.activation", "stage3.depth", "stage4.depth", "stage4.block", "stage4.width", "stage4.kernel", "stage4.stride", "stage4.expand", "stage4.squeeze_excite", "stage4.activation", "head.conv", "head.pooling", "compression.pruning", "compression.precision", "compression.sparsity"]}');
INSERT INTO "trial_user_attributes" VALUES(13,2,'rejected_over_budget','89');
INSERT INTO "trial_user_attributes" VALUES(14,2,'duplicates','0');
INSERT INTO "trial_user_attributes" VALUES(15,2,'ended','{"state": "completed", "reason": "", "traceback": "", "elapsed_s": 2.990278363000016, "spent_s": 2.7276218540000627, "result": {"metrics": {"accuracy": 0.17037037037037034, "log_loss": 2.294777299081337, "clips": 270, "per_class": {"airport": {"clips": 27, "accuracy": 0.6666666666666666, "log_loss": 2.0513675622064316}, "bus": {"clips": 27, "accuracy": 0.3333333333333333, "log_loss": 1.8741937173859549}, "metro": {"clips": 27, "accuracy": 0.0, "log_loss": 2.791442870013275}, "metro_station": {"clips": 27, "accuracy": 0.0, "log_loss": 2.431310511600973}, "park": {"clips": 27, "accuracy": 0.07407407407407407, "log_loss": 2.284748244122658}, "public_square": {"clips": 27, "accuracy": 0.2962962962962963, "log_loss": 2.016746329814625}, "shopping_mall": {"clips": 27, "accuracy": 0.0, "log_loss": 2.305964567733257}, "street_pedestrian": {"clips": 27, "accuracy": 0.0, "log_loss": 2.8744589606269386}, "street_traffic": {"clips": 27, "accuracy": 0.0, "log_loss": 2.4231125397865263}, "tram": {"clips": 27, "accuracy": 0.3333333333333333, "log_loss": 1.8944276875227297}}, "per_device": {"a": {"clips": 30, "accuracy": 0.13333333333333333, "log_loss": 2.2790731776032667}, "b": {"clips": 30, "accuracy": 0.16666666666666666, "log_loss": 2.218471784538102}, "c": {"clips": 30, "accuracy": 0.1, "log_loss": 2.174050494256881}, "s1": {"clips": 30, "accuracy": 0.16666666666666666, "log_loss": 2.4514691174678025}, "s2": {"clips": 30, "accuracy": 0.13333333333333333, "log_loss": 2.3359262118215374}, "s3": {"clips": 30, "accuracy": 0.23333333333333334, "log_loss": 2.2285442891839025}, "s4": {"clips": 30, "accuracy": 0.2, "log_loss": 2.424149704107122}, "s5": {"clips": 30, "accuracy": 0.2, "log_loss": 2.384471515313565}, "s6": {"clips": 30, "accuracy": 0.2, "log_loss": 2.1568393974398528}}, "unseen_devices": {"clips": 90, "accuracy": 0.2, "log_loss": 2.3218202056201798}}, "complexity": {"rule": "plain", "input_shape": [[1, 96, 22]], "params": 8610, "nonzero_params": 2864, "counted_params": 8610, "size_bytes": 4528, "macs": 1686304, "counted_macs": 1686304, "macs_fvcore_total": 1744672, "macs_torchinfo": 1703586, "peak_activation_bytes": 23232, "precision": "int8", "sparsity": 0.7}, "curve": [{"epoch": 1, "train_loss": 2.6160040283203125, "log_loss": 2.29397411818299, "accuracy": 0.17037037037037034, "seconds": 1.6580977480000456}], "seconds": 1.8305802350000704, "stopped_epoch": null}}');
INSERT INTO "trial_user_attributes" VALUES(16,3,'key','"8cb322377b094100"');
INSERT INTO "trial_user_attributes" VALUES(17,3,'model','null');
INSERT INTO "trial_user_attributes" VALUES(18,3,'seed','2889592127');
INSERT INTO "trial_user_attributes" VALUES(19,3,'complexity','{"rule": "plain", "input_shape": [[1, 64, 64]], "params": 2746, "nonzero_params": 1534, "counted_params": 2746, "size_bytes": 2531, "macs": 1867896, "counted_macs": 1867896, "macs_fvcore_total": 2105464, "macs_torchinfo": 1900970, "peak_activation_bytes": 49152, "precision": "int8", "sparsity": 0.5}');
INSERT INTO "trial_user_attributes" VALUES(20,3,'architecture','{"space": "mbconv", "sections": {"frontend": {"kind": "logmel", "channels": 1, "sample_rate_hz": 44100, "f_min_hz": 10, "f_max_hz": 16000, "window": 2760, "hop": 690, "n_mels": 64, "normalisation": "standard"}, "stem": {"block": "conv", "bias": true, "width": 16, "kernel": "5x3", "stride": "1x2", "activation": "silu"}, "stage1": {"depth": 1, "block": "separable", "width": 12, "kernel": "3x3", "stride": "1x2", "activation": "relu"}, "stage2": {"depth": 2, "block": "mbconv", "width": 12, "kernel": "3x3", "stride": "2x1", "expand": 2, "squeeze_excite": 0.0, "activation": "relu"}, "stage3": {"depth": 0}, "stage4": {"depth": 0}, "head": {"conv": 0, "pooling": "avg+max"}, "compression": {"pruning": "magnitude", "precision": "int8", "sparsity": 0.5}}, "choices": ["frontend.window", "frontend.hop", "frontend.n_mels", "frontend.normalisation", "stem.width", "stem.kernel", "stem.stride", "stem.activation", "stage1.depth", "stage1.block", "stage1.width", "stage1.kernel", "stage1.stride", "stage1.activation", "stage2.depth", "stage2.block", "stage2.width", "stage2.kernel", "stage2.stride", "stage2.expand", "stage2.squeeze_excite", "stage2.activation", "stage3.depth", "stage4.depth", "head.conv", "head.pooling", "compression.pruning", "compression.precision", "compression.sparsity"]}');
INSERT INTO "trial_user_attributes" VALUES(21,3,'rejected_over_budget','384');
INSERT INTO "trial_user_attributes" VALUES(22,3,'duplicates','0');
INSERT INTO "trial_user_attributes" VALUES(23,1,'ended','{"state": "completed", "reason": "", "traceback": "", "elapsed_s": 3.0719744940000737, "spent_s": 2.8916325460000962, "result": {"metrics": {"accuracy": 0.1, "log_loss": 2.3264222930491414, "clips": 270, "per_class": {"airport": {"clips": 27, "accuracy": 0.0, "log_loss": 2.137042432226895}, "bus": {"clips": 27, "accuracy": 0.0, "log_loss": 2.4247136977325927}, "metro": {"clips": 27, "accuracy": 0.0, "log_loss": 2.418301938031208}, "metro_station": {"clips": 27, "accuracy": 0.0, "log_loss": 2.296164419103848}, "park": {"clips": 27, "accuracy": 0.0, "log_loss": 2.4332092032966437}, "public_square": {"clips": 27, "accuracy": 0.0, "log_loss": 2.3901257511746414}, "shopping_mall": {"clips": 27, "accuracy": 1.0, "log_loss": 1.8437276541684653}, "street_pedestrian": {"clips": 27, "accuracy": 0.0, "log_loss": 2.489375344799121}, "street_traffic": {"clips": 27, "accuracy": 0.0, "log_loss": 2.642942028062752}, "tram": {"clips": 27, "accuracy": 0.0, "log_loss": 2.188620461895247}}, "per_device": {"a": {"clips": 30, "accuracy": 0.1, "log_loss": 2.32640125710431}, "b": {"clips": 30, "accuracy": 0.1, "log_loss": 2.3264377126913045}, "c": {"clips": 30, "accuracy": 0.1, "log_loss": 2.326407091723477}, "s1": {"clips": 30, "accuracy": 0.1, "log_loss": 2.326433411985468}, "s2": {"clips": 30, "accuracy": 0.1, "log_loss": 2.326417957559759}, "s3": {"clips": 30, "accuracy": 0.1, "log_loss": 2.3264140446057717}, "s4": {"clips": 30, "accuracy": 0.1, "log_loss": 2.3265251836801424}, "s5": {"clips": 30, "accuracy": 0.1, "log_loss": 2.326386037192671}, "s6": {"clips": 30, "accuracy": 0.1, "log_loss": 2.3263779408993694}}, "unseen_devices": {"clips": 90, "accuracy": 0.1, "log_loss": 2.3264297205907276}}, "complexity": {"rule": "plain", "input_shape": [[1, 40, 32]], "params": 9054, "nonzero_params": 2488, "counted_params": 9054, "size_bytes": 5370, "macs": 712980, "counted_macs": 712980, "macs_fvcore_total": 798420, "macs_torchinfo": 718942, "peak_activation_bytes": 10880, "precision": "int8", "sparsity": 0.8}, "curve": [{"epoch": 1, "train_loss": 2.765535583496094, "log_loss": 2.326459584301553, "accuracy": 0.1, "seconds": 1.6399011310001015}], "seconds": 1.7725612409999485, "stopped_epoch": null}}');
INSERT INTO "trial_user_attributes" VALUES(24,3,'ended','{"state": "completed", "reason": "", "traceback": "", "elapsed_s": 4.2973486500000035, "spent_s": 1.2307783510000263, "result": {"metrics": {"accuracy": 0.1037037037037037, "log_loss": 2.333212250598937, "clips": 270, "per_class": {"airport": {"clips": 27, "accuracy": 0.0, "log_loss": 2.870363130239837}, "bus": {"clips": 27, "accuracy": 0.5185185185185185, "log_loss": 1.802389960908843}, "metro": {"clips": 27, "accuracy": 0.0, "log_loss": 2.8499518852593497}, "metro_station": {"clips": 27, "accuracy": 0.037037037037037035, "log_loss": 2.1165227095757673}, "park": {"clips": 27, "accuracy": 0.07407407407407407, "log_loss": 1.937243558864756}, "public_square": {"clips": 27, "accuracy": 0.25925925925925924, "log_loss": 2.1426191018399208}, "shopping_mall": {"clips": 27, "accuracy": 0.0, "log_loss": 2.2969292658600686}, "street_pedestrian": {"clips": 27, "accuracy": 0.0, "log_loss": 2.6309036582493013}, "street_traffic": {"clips": 27, "accuracy": 0.0, "log_loss": 2.744973464305689}, "tram": {"clips": 27, "accuracy": 0.14814814814814814, "log_loss": 1.9402257708858417}}, "per_device": {"a": {"clips": 30, "accuracy": 0.1, "log_loss": 2.311280992020706}, "b": {"clips": 30, "accuracy": 0.1, "log_loss": 2.387224049176107}, "c": {"clips": 30, "accuracy": 0.06666666666666667, "log_loss": 2.3069369421098664}, "s1": {"clips": 30, "accuracy": 0.1, "log_loss": 2.3277480621011475}, "s2": {"clips": 30, "accuracy": 0.16666666666666666, "log_loss": 2.258366028640143}, "s3": {"clips": 30, "accuracy": 0.1, "log_loss": 2.340096830348432}, "s4": {"clips": 30, "accuracy": 0.16666666666666666, "log_loss": 2.3525475661711623}, "s5": {"clips": 30, "accuracy": 0.1, "log_loss": 2.3729482711383416}, "s6": {"clips": 30, "accuracy": 0.03333333333333333, "log_loss": 2.341761513684529}}, "unseen_devices": {"clips": 90, "accuracy": 0.09999999999999999, "log_loss": 2.3557524503313445}}, "complexity": {"rule": "plain", "input_shape": [[1, 64, 64]], "params": 2746, "nonzero_params": 1534, "counted_params": 2746, "size_bytes": 2531, "macs": 1867896, "counted_macs": 1867896, "macs_fvcore_total": 2105464, "macs_torchinfo": 1900970, "peak_activation_bytes": 49152, "precision": "int8", "sparsity": 0.5}, "curve": [{"epoch": 1, "train_loss": 3.101643371582031, "log_loss": 2.3322952348607333, "accuracy": 0.1, "seconds": 1.0794882200000302}], "seconds": 1.2285733229999778, "stopped_epoch": null}}');
CREATE TABLE trial_values (
	trial_value_id INTEGER NOT NULL, 
	trial_id INTEGER NOT NULL, 
	objective INTEGER NOT NULL, 
	value FLOAT, 
	value_type VARCHAR(7) NOT NULL, 
	PRIMARY KEY (trial_value_id), 
	UNIQUE (trial_id, objective), 
	FOREIGN KEY(trial_id) REFERENCES trials (trial_id)
);
INSERT INTO "trial_values" VALUES(1,2,0,2.2947772990813368743e+00,'FINITE');
INSERT INTO "trial_values" VALUES(2,2,1,4528.0,'FINITE');
INSERT INTO "trial_values" VALUES(3,1,0,2.32642229304914138765e+00,'FINITE');
INSERT INTO "trial_values" VALUES(4,1,1,5370.0,'FINITE');
INSERT INTO "trial_values" VALUES(5,3,0,2.33321225059893722075e+00,'FINITE');
INSERT INTO "trial_values" VALUES(6,3,1,2531.0,'FINITE');
CREATE TABLE trials (
	trial_id INTEGER NOT NULL, 
	number INTEGER, 
	study_id INTEGER, 
	state VARCHAR(8) NOT NULL, 
	datetime_start DATETIME, 
	datetime_complete DATETIME, 
	PRIMARY KEY (trial_id), 
	FOREIGN KEY(study_id) REFERENCES studies (study_id)
);
INSERT INTO "trials" VALUES(1,0,1,'COMPLETE','2026-11-27 16:43:18.423458','2026-11-27 16:43:21.319206');
INSERT INTO "trials" VALUES(2,1,1,'COMPLETE','2026-11-27 16:43:18.507407','2026-11-27 16:43:21.240050');
INSERT INTO "trials" VALUES(3,2,1,'COMPLETE','2026-11-27 16:43:21.311341','2026-11-27 16:43:22.546316');
CREATE TABLE version_info (
	version_info_id INTEGER NOT NULL, 
	schema_version INTEGER, 
	library_version VARCHAR(256), 
	PRIMARY KEY (version_info_id), 
	CHECK (version_info_id=1)
);
INSERT INTO "version_info" VALUES(1,12,'5.0.0');
CREATE UNIQUE INDEX ix_studies_study_name ON studies (study_name);
CREATE INDEX ix_trials_study_id ON trials (study_id);
COMMIT;
