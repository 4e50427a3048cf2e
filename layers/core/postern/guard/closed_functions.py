"""PostgreSQL's own functions that a statement may not call, by name.

Written by `scripts/generate_guard_lists.py` from the catalogs of PostgreSQL 16, 17 and 18; review the difference,
do not edit. Names stand under the versions that have them.
They are refused anyway, for they are not in `functions`; the list gives reasons.
"""

from __future__ import annotations

# `table.name` would call them on a whole row.
CLOSED_ON_ROWS: dict[str, str] = {
    "16 17 18": """
        any_out anycompatible_out anycompatiblenonarray_out anyelement_out anynonarray_out pg_column_compression
        record_out
    """,
    "17 18": """
        pg_column_toast_chunk_id
    """,
    "18": """
        pg_restore_attribute_stats pg_restore_relation_stats
    """,
}

# Names by the reason that closes them.
CLOSED: dict[str, dict[str, str]] = {
    "XML functions can run queries and read tables by name": {
        "16 17 18": """
            cursor_to_xml cursor_to_xmlschema database_to_xml database_to_xml_and_xmlschema database_to_xmlschema
            query_to_xml query_to_xml_and_xmlschema query_to_xmlschema schema_to_xml schema_to_xml_and_xmlschema
            schema_to_xmlschema table_to_xml table_to_xml_and_xmlschema table_to_xmlschema xml xml_in xml_is_well_formed
            xml_is_well_formed_content xml_is_well_formed_document xml_out xml_recv xml_send xmlagg xmlcomment
            xmlconcat2 xmlexists xmlvalidate xpath xpath_exists
        """,
        "17 18": """
            xmltext
        """,
    },
    "it has effects, or depends on more than its arguments": {
        "16 17 18": """
            bernoulli brinhandler bthandler dsnowball_init dsnowball_lexize ginhandler gisthandler hashhandler
            heap_tableam_handler plpgsql_call_handler plpgsql_inline_handler spghandler system
        """,
    },
    "it is administration: catalogs, replication, backup, control data": {
        "16 17 18": """
            pg_available_extension_versions pg_available_extensions pg_backend_pid pg_backup_start pg_backup_stop
            pg_blocking_pids pg_char_to_encoding pg_client_encoding pg_collation_actual_version pg_collation_is_visible
            pg_column_compression pg_column_is_updatable pg_conf_load_time pg_config pg_control_checkpoint
            pg_control_init pg_control_recovery pg_control_system pg_conversion_is_visible
            pg_copy_logical_replication_slot pg_copy_physical_replication_slot pg_create_logical_replication_slot
            pg_create_physical_replication_slot pg_create_restore_point pg_current_wal_flush_lsn
            pg_current_wal_insert_lsn pg_current_wal_lsn pg_cursor pg_database_collation_actual_version
            pg_ddl_command_in pg_ddl_command_out pg_ddl_command_recv pg_ddl_command_send pg_dependencies_in
            pg_dependencies_out pg_dependencies_recv pg_dependencies_send pg_describe_object pg_drop_replication_slot
            pg_encoding_max_length pg_encoding_to_char pg_event_trigger_ddl_commands pg_event_trigger_dropped_objects
            pg_event_trigger_table_rewrite_oid pg_event_trigger_table_rewrite_reason pg_extension_config_dump
            pg_extension_update_paths pg_filenode_relation pg_function_is_visible pg_hba_file_rules
            pg_ident_file_mappings pg_identify_object pg_identify_object_as_address pg_import_system_collations
            pg_index_column_has_property pg_index_has_property pg_indexam_has_property pg_indexam_progress_phasename
            pg_input_error_info pg_input_is_valid pg_is_in_recovery pg_is_other_temp_schema pg_is_wal_replay_paused
            pg_isolation_test_session_is_blocked pg_jit_available pg_last_wal_receive_lsn pg_last_wal_replay_lsn
            pg_listening_channels pg_lock_status pg_log_backend_memory_contexts pg_logical_emit_message
            pg_logical_slot_get_binary_changes pg_logical_slot_get_changes pg_logical_slot_peek_binary_changes
            pg_logical_slot_peek_changes pg_mcv_list_in pg_mcv_list_items pg_mcv_list_out pg_mcv_list_recv
            pg_mcv_list_send pg_my_temp_schema pg_ndistinct_in pg_ndistinct_out pg_ndistinct_recv pg_ndistinct_send
            pg_nextoid pg_node_tree_in pg_node_tree_out pg_node_tree_recv pg_node_tree_send pg_notification_queue_usage
            pg_notify pg_opclass_is_visible pg_operator_is_visible pg_opfamily_is_visible pg_options_to_table
            pg_partition_ancestors pg_partition_root pg_partition_tree pg_postmaster_start_time pg_prepared_statement
            pg_promote pg_relation_filenode pg_relation_filepath pg_relation_is_publishable pg_relation_is_updatable
            pg_reload_conf pg_replication_origin_advance pg_replication_origin_create pg_replication_origin_drop
            pg_replication_origin_oid pg_replication_origin_progress pg_replication_origin_session_is_setup
            pg_replication_origin_session_progress pg_replication_origin_session_reset
            pg_replication_origin_session_setup pg_replication_slot_advance pg_rotate_logfile pg_sequence_last_value
            pg_sequence_parameters pg_settings_get_flags pg_show_all_file_settings pg_show_all_settings
            pg_show_replication_origin_status pg_split_walfile_name pg_stop_making_pinned_objects pg_switch_wal
            pg_table_is_visible pg_tablespace_databases pg_tablespace_location pg_timezone_names pg_trigger_depth
            pg_ts_config_is_visible pg_ts_dict_is_visible pg_ts_parser_is_visible pg_ts_template_is_visible
            pg_type_is_visible pg_wal_lsn_diff pg_wal_replay_pause pg_wal_replay_resume pg_walfile_name
            pg_walfile_name_offset
        """,
        "16 17": """
            pg_timezone_abbrevs
        """,
        "17 18": """
            pg_available_wal_summaries pg_basetype pg_column_toast_chunk_id pg_sync_replication_slots
            pg_wal_summary_contents
        """,
        "16": """
            pg_rotate_logfile_old
        """,
        "18": """
            pg_clear_attribute_stats pg_clear_relation_stats pg_numa_available pg_restore_attribute_stats
            pg_restore_relation_stats pg_timezone_abbrevs_abbrevs pg_timezone_abbrevs_zone
        """,
    },
    "it is the server's own maintenance": {
        "16 17 18": """
            RI_FKey_cascade_del RI_FKey_cascade_upd RI_FKey_check_ins RI_FKey_check_upd RI_FKey_noaction_del
            RI_FKey_noaction_upd RI_FKey_restrict_del RI_FKey_restrict_upd RI_FKey_setdefault_del RI_FKey_setdefault_upd
            RI_FKey_setnull_del RI_FKey_setnull_upd binary_upgrade_create_empty_extension
            binary_upgrade_set_missing_value binary_upgrade_set_next_array_pg_type_oid
            binary_upgrade_set_next_heap_pg_class_oid binary_upgrade_set_next_heap_relfilenode
            binary_upgrade_set_next_index_pg_class_oid binary_upgrade_set_next_index_relfilenode
            binary_upgrade_set_next_multirange_array_pg_type_oid binary_upgrade_set_next_multirange_pg_type_oid
            binary_upgrade_set_next_pg_authid_oid binary_upgrade_set_next_pg_enum_oid
            binary_upgrade_set_next_pg_tablespace_oid binary_upgrade_set_next_pg_type_oid
            binary_upgrade_set_next_toast_pg_class_oid binary_upgrade_set_next_toast_relfilenode
            binary_upgrade_set_record_init_privs brin_bloom_add_value brin_bloom_consistent brin_bloom_opcinfo
            brin_bloom_options brin_bloom_summary_in brin_bloom_summary_out brin_bloom_summary_recv
            brin_bloom_summary_send brin_bloom_union brin_desummarize_range brin_inclusion_add_value
            brin_inclusion_consistent brin_inclusion_opcinfo brin_inclusion_union brin_minmax_add_value
            brin_minmax_consistent brin_minmax_multi_add_value brin_minmax_multi_consistent
            brin_minmax_multi_distance_date brin_minmax_multi_distance_float4 brin_minmax_multi_distance_float8
            brin_minmax_multi_distance_inet brin_minmax_multi_distance_int2 brin_minmax_multi_distance_int4
            brin_minmax_multi_distance_int8 brin_minmax_multi_distance_interval brin_minmax_multi_distance_macaddr
            brin_minmax_multi_distance_macaddr8 brin_minmax_multi_distance_numeric brin_minmax_multi_distance_pg_lsn
            brin_minmax_multi_distance_tid brin_minmax_multi_distance_time brin_minmax_multi_distance_timestamp
            brin_minmax_multi_distance_timetz brin_minmax_multi_distance_uuid brin_minmax_multi_opcinfo
            brin_minmax_multi_options brin_minmax_multi_summary_in brin_minmax_multi_summary_out
            brin_minmax_multi_summary_recv brin_minmax_multi_summary_send brin_minmax_multi_union brin_minmax_opcinfo
            brin_minmax_union brin_summarize_new_values brin_summarize_range currtid2 gin_clean_pending_list
            suppress_redundant_updates_trigger tsvector_update_trigger tsvector_update_trigger_column unique_key_recheck
        """,
        "17 18": """
            binary_upgrade_add_sub_rel_state binary_upgrade_logical_slot_has_caught_up binary_upgrade_replorigin_advance
        """,
    },
    "it reads catalogs": {
        "16 17 18": """
            amvalidate col_description fmgr_c_validator fmgr_internal_validator fmgr_sql_validator format_type
            get_current_ts_config obj_description oidvectortypes pg_get_backend_memory_contexts
            pg_get_catalog_foreign_keys pg_get_constraintdef pg_get_expr pg_get_function_arg_default
            pg_get_function_arguments pg_get_function_identity_arguments pg_get_function_result pg_get_function_sqlbody
            pg_get_functiondef pg_get_indexdef pg_get_keywords pg_get_multixact_members pg_get_object_address
            pg_get_partition_constraintdef pg_get_partkeydef pg_get_publication_tables pg_get_replica_identity_index
            pg_get_replication_slots pg_get_ruledef pg_get_serial_sequence pg_get_shmem_allocations
            pg_get_statisticsobjdef pg_get_statisticsobjdef_columns pg_get_statisticsobjdef_expressions
            pg_get_triggerdef pg_get_userbyid pg_get_viewdef pg_get_wal_replay_pause_state pg_get_wal_resource_managers
            plpgsql_validator postgresql_fdw_validator regclasssend regcollationsend regconfigsend regdictionarysend
            regnamespacesend regoperatorsend regopersend regproceduresend regprocsend regrolesend regtypesend
            satisfies_hash_partition shobj_description to_regclass to_regcollation to_regnamespace to_regoper
            to_regoperator to_regproc to_regprocedure to_regrole to_regtype ts_debug ts_parse ts_token_type
        """,
        "17 18": """
            pg_get_wait_events pg_get_wal_summarizer_state to_regtypemod
        """,
        "18": """
            pg_get_acl pg_get_aios pg_get_loaded_modules pg_get_sequence_data pg_get_shmem_allocations_numa
        """,
    },
    "it reads or changes settings": {
        "16 17 18": """
            current_schemas current_setting getdatabaseencoding set_config setseed
        """,
    },
    "it reads or moves sequences": {
        "16 17 18": """
            currval lastval nextval setval
        """,
    },
    "it reads or writes files or large objects": {
        "16 17 18": """
            lo_close lo_creat lo_create lo_export lo_from_bytea lo_get lo_import lo_lseek lo_lseek64 lo_open lo_put
            lo_tell lo_tell64 lo_truncate lo_truncate64 lo_unlink loread lowrite pg_current_logfile
            pg_ls_archive_statusdir pg_ls_dir pg_ls_logdir pg_ls_logicalmapdir pg_ls_logicalsnapdir pg_ls_replslotdir
            pg_ls_tmpdir pg_ls_waldir pg_read_binary_file pg_read_file pg_stat_file
        """,
        "16": """
            pg_read_file_old
        """,
        "18": """
            pg_ls_summariesdir
        """,
    },
    "it runs SQL text that it is given": {
        "16 17 18": """
            ts_rewrite ts_stat
        """,
    },
    "it signals other sessions": {
        "16 17 18": """
            pg_cancel_backend pg_terminate_backend
        """,
    },
    "it sleeps": {
        "16 17 18": """
            pg_sleep pg_sleep_for pg_sleep_until
        """,
    },
    "it takes or gives a type that is closed": {
        "16 17 18": """
            any_in any_out anyarray_in anyarray_out anyarray_recv anycompatible_in anycompatible_out
            anycompatiblearray_in anycompatiblearray_out anycompatiblearray_recv anycompatiblemultirange_in
            anycompatiblemultirange_out anycompatiblenonarray_in anycompatiblenonarray_out anycompatiblerange_in
            anycompatiblerange_out anyelement_in anyelement_out anyenum_in anyenum_out anymultirange_in
            anymultirange_out anynonarray_in anynonarray_out anyrange_in anyrange_out areajoinsel areasel
            array_agg_array_combine array_agg_array_deserialize array_agg_array_finalfn array_agg_array_serialize
            array_agg_array_transfn array_agg_combine array_agg_deserialize array_agg_finalfn array_agg_serialize
            array_agg_transfn array_in array_out array_recv array_subscript_handler array_typanalyze
            array_unnest_support arraycontjoinsel arraycontsel big5_to_euc_tw big5_to_mic big5_to_utf8 bit_in bit_out
            bit_recv bittypmodin bittypmodout bool_accum bool_accum_inv bool_alltrue bool_anytrue boolin boolout
            boolrecv box_in box_out box_recv bpchar_sortsupport bpcharin bpcharout bpcharrecv bpchartypmodin
            bpchartypmodout btbpchar_pattern_sortsupport btequalimage btfloat4sortsupport btfloat8sortsupport
            btint2sortsupport btint4sortsupport btint8sortsupport btnamesortsupport btoidcmp btoidsortsupport
            btoidvectorcmp bttext_pattern_sortsupport bttextsortsupport bttidcmp btvarstrequalimage bytea_sortsupport
            bytea_string_agg_finalfn bytea_string_agg_transfn byteain byteaout bytearecv cash_in cash_out cash_recv
            charin charout charrecv cideq cidin cidout cidr_in cidr_out cidr_recv cidrecv cidsend circle_in circle_out
            circle_recv contjoinsel contsel cstring_in cstring_out cstring_recv cstring_send cume_dist_final date_in
            date_out date_recv date_sortsupport dense_rank_final dispell_init dispell_lexize domain_in domain_recv
            dsimple_init dsimple_lexize dsynonym_init dsynonym_lexize enum_in enum_out enum_recv eqjoinsel eqsel
            euc_cn_to_mic euc_cn_to_utf8 euc_jis_2004_to_shift_jis_2004 euc_jis_2004_to_utf8 euc_jp_to_mic
            euc_jp_to_sjis euc_jp_to_utf8 euc_kr_to_mic euc_kr_to_utf8 euc_tw_to_big5 euc_tw_to_mic euc_tw_to_utf8
            event_trigger_in event_trigger_out fdw_handler_in fdw_handler_out float4in float4out float4recv float8in
            float8out float8recv gb18030_to_utf8 gbk_to_utf8 generate_series_int4_support generate_series_int8_support
            gin_cmp_prefix gin_consistent_jsonb gin_consistent_jsonb_path gin_extract_jsonb gin_extract_jsonb_path
            gin_extract_jsonb_query gin_extract_jsonb_query_path gin_extract_tsquery gin_extract_tsvector
            gin_triconsistent_jsonb gin_triconsistent_jsonb_path gin_tsquery_consistent gin_tsquery_triconsistent
            ginarrayconsistent ginarrayextract ginarraytriconsistent ginqueryarrayextract gist_box_consistent
            gist_box_distance gist_box_penalty gist_box_picksplit gist_box_same gist_box_union gist_circle_compress
            gist_circle_consistent gist_circle_distance gist_point_compress gist_point_consistent gist_point_distance
            gist_point_fetch gist_point_sortsupport gist_poly_compress gist_poly_consistent gist_poly_distance
            gtsquery_compress gtsquery_consistent gtsquery_penalty gtsquery_picksplit gtsquery_same gtsquery_union
            gtsvector_compress gtsvector_consistent gtsvector_decompress gtsvector_options gtsvector_penalty
            gtsvector_picksplit gtsvector_same gtsvector_union gtsvectorin gtsvectorout hash_aclitem
            hash_aclitem_extended hashoid hashoidextended hashoidvector hashoidvectorextended hashtid hashtidextended
            hashvarlena hashvarlenaextended iclikejoinsel iclikesel icnlikejoinsel icnlikesel icregexeqjoinsel
            icregexeqsel icregexnejoinsel icregexnesel index_am_handler_in index_am_handler_out inet_gist_compress
            inet_gist_consistent inet_gist_fetch inet_gist_penalty inet_gist_picksplit inet_gist_same inet_gist_union
            inet_in inet_out inet_recv inet_spg_choose inet_spg_config inet_spg_inner_consistent
            inet_spg_leaf_consistent inet_spg_picksplit int2_accum int2_accum_inv int2in int2out int2recv int2vectorin
            int2vectorout int2vectorrecv int2vectorsend int4_accum int4_accum_inv int4in int4out int4recv int8_accum
            int8_accum_inv int8_avg_accum int8_avg_accum_inv int8_avg_combine int8_avg_deserialize int8_avg_serialize
            int8in int8inc_support int8out int8recv internal_in internal_out interval_avg interval_in interval_out
            interval_recv interval_support intervaltypmodin intervaltypmodout iso8859_1_to_utf8 iso8859_to_utf8
            iso_to_koi8r iso_to_mic iso_to_win1251 iso_to_win866 johab_to_utf8 json_agg_finalfn json_agg_strict_transfn
            json_agg_transfn json_in json_object_agg_finalfn json_object_agg_strict_transfn json_object_agg_transfn
            json_object_agg_unique_strict_transfn json_object_agg_unique_transfn json_out json_recv jsonb_agg_finalfn
            jsonb_agg_strict_transfn jsonb_agg_transfn jsonb_in jsonb_object_agg_finalfn jsonb_object_agg_strict_transfn
            jsonb_object_agg_transfn jsonb_object_agg_unique_strict_transfn jsonb_object_agg_unique_transfn jsonb_out
            jsonb_recv jsonb_subscript_handler jsonpath_in jsonpath_out jsonpath_recv koi8r_to_iso koi8r_to_mic
            koi8r_to_utf8 koi8r_to_win1251 koi8r_to_win866 koi8u_to_utf8 language_handler_in language_handler_out
            latin1_to_mic latin2_to_mic latin2_to_win1250 latin3_to_mic latin4_to_mic likejoinsel likesel line_in
            line_out line_recv lseg_in lseg_out lseg_recv macaddr8_in macaddr8_out macaddr8_recv macaddr_in macaddr_out
            macaddr_recv macaddr_sortsupport matchingjoinsel matchingsel mic_to_big5 mic_to_euc_cn mic_to_euc_jp
            mic_to_euc_kr mic_to_euc_tw mic_to_iso mic_to_koi8r mic_to_latin1 mic_to_latin2 mic_to_latin3 mic_to_latin4
            mic_to_sjis mic_to_win1250 mic_to_win1251 mic_to_win866 mode_final multirange_agg_finalfn
            multirange_agg_transfn multirange_gist_compress multirange_gist_consistent multirange_in multirange_out
            multirange_recv multirange_typanalyze multirangesel nameconcatoid namein nameout namerecv neqjoinsel neqsel
            network_sortsupport network_subset_support networkjoinsel networksel nlikejoinsel nlikesel numeric_accum
            numeric_accum_inv numeric_avg numeric_avg_accum numeric_avg_combine numeric_avg_deserialize
            numeric_avg_serialize numeric_combine numeric_deserialize numeric_in numeric_out numeric_poly_avg
            numeric_poly_combine numeric_poly_deserialize numeric_poly_serialize numeric_poly_stddev_pop
            numeric_poly_stddev_samp numeric_poly_sum numeric_poly_var_pop numeric_poly_var_samp numeric_recv
            numeric_serialize numeric_sortsupport numeric_stddev_pop numeric_stddev_samp numeric_sum numeric_support
            numeric_var_pop numeric_var_samp numerictypmodin numerictypmodout oid oideq oidge oidgt oidin oidlarger
            oidle oidlt oidne oidout oidrecv oidsend oidsmaller oidvectoreq oidvectorge oidvectorgt oidvectorin
            oidvectorle oidvectorlt oidvectorne oidvectorout oidvectorrecv oidvectorsend ordered_set_transition
            ordered_set_transition_multi path_in path_out path_recv percent_rank_final percentile_cont_float8_final
            percentile_cont_float8_multi_final percentile_cont_interval_final percentile_cont_interval_multi_final
            percentile_disc_final percentile_disc_multi_final pg_lsn_in pg_lsn_out pg_lsn_recv point_in point_out
            point_recv poly_in poly_out poly_recv positionjoinsel positionsel prefixjoinsel prefixsel prsd_end
            prsd_headline prsd_lextype prsd_nexttoken prsd_start range_agg_finalfn range_agg_transfn
            range_gist_consistent range_gist_penalty range_gist_picksplit range_gist_same range_gist_union range_in
            range_out range_recv range_typanalyze rangesel rank_final raw_array_subscript_handler record_in record_out
            record_recv regclass regclassin regclassout regclassrecv regcollationin regcollationout regcollationrecv
            regconfigin regconfigout regconfigrecv regdictionaryin regdictionaryout regdictionaryrecv regexeqjoinsel
            regexeqsel regexnejoinsel regexnesel regnamespacein regnamespaceout regnamespacerecv regoperatorin
            regoperatorout regoperatorrecv regoperin regoperout regoperrecv regprocedurein regprocedureout
            regprocedurerecv regprocin regprocout regprocrecv regrolein regroleout regrolerecv regtypein regtypeout
            regtyperecv scalargejoinsel scalargesel scalargtjoinsel scalargtsel scalarlejoinsel scalarlesel
            scalarltjoinsel scalarltsel shell_in shell_out shift_jis_2004_to_euc_jis_2004 shift_jis_2004_to_utf8
            sjis_to_euc_jp sjis_to_mic sjis_to_utf8 spg_bbox_quad_config spg_box_quad_choose spg_box_quad_config
            spg_box_quad_inner_consistent spg_box_quad_leaf_consistent spg_box_quad_picksplit spg_kd_choose
            spg_kd_config spg_kd_inner_consistent spg_kd_picksplit spg_quad_choose spg_quad_config
            spg_quad_inner_consistent spg_quad_leaf_consistent spg_quad_picksplit spg_range_quad_choose
            spg_range_quad_config spg_range_quad_inner_consistent spg_range_quad_leaf_consistent
            spg_range_quad_picksplit spg_text_choose spg_text_config spg_text_inner_consistent spg_text_leaf_consistent
            spg_text_picksplit string_agg_combine string_agg_deserialize string_agg_finalfn string_agg_serialize
            string_agg_transfn table_am_handler_in table_am_handler_out text_starts_with_support texticlike_support
            texticregexeq_support textin textlike_support textout textrecv textregexeq_support thesaurus_init
            thesaurus_lexize tideq tidge tidgt tidin tidlarger tidle tidlt tidne tidout tidrecv tidsend tidsmaller
            time_in time_out time_recv time_support timestamp_in timestamp_out timestamp_recv timestamp_sortsupport
            timestamp_support timestamptypmodin timestamptypmodout timestamptz_in timestamptz_out timestamptz_recv
            timestamptztypmodin timestamptztypmodout timetypmodin timetypmodout timetz_in timetz_out timetz_recv
            timetztypmodin timetztypmodout trigger_in trigger_out ts_typanalyze tsm_handler_in tsm_handler_out
            tsmatchjoinsel tsmatchsel tsqueryin tsqueryout tsqueryrecv tsvectorin tsvectorout tsvectorrecv uhc_to_utf8
            unknownin unknownout unknownrecv utf8_to_big5 utf8_to_euc_cn utf8_to_euc_jis_2004 utf8_to_euc_jp
            utf8_to_euc_kr utf8_to_euc_tw utf8_to_gb18030 utf8_to_gbk utf8_to_iso8859 utf8_to_iso8859_1 utf8_to_johab
            utf8_to_koi8r utf8_to_koi8u utf8_to_shift_jis_2004 utf8_to_sjis utf8_to_uhc utf8_to_win uuid_in uuid_out
            uuid_recv uuid_sortsupport varbit_in varbit_out varbit_recv varbit_support varbittypmodin varbittypmodout
            varchar_support varcharin varcharout varcharrecv varchartypmodin varchartypmodout void_in void_out void_recv
            void_send win1250_to_latin2 win1250_to_mic win1251_to_iso win1251_to_koi8r win1251_to_mic win1251_to_win866
            win866_to_iso win866_to_koi8r win866_to_mic win866_to_win1251 win_to_utf8 window_cume_dist_support
            window_dense_rank_support window_ntile_support window_percent_rank_support window_rank_support
            window_row_number_support xid xid8_larger xid8_smaller xid8cmp xid8eq xid8ge xid8gt xid8in xid8le xid8lt
            xid8ne xid8out xid8recv xid8send xideq xideqint4 xidin xidneq xidneqint4 xidout xidrecv xidsend
        """,
        "17 18": """
            elem_contained_by_range_support interval_avg_accum interval_avg_accum_inv interval_avg_combine
            interval_avg_deserialize interval_avg_serialize interval_sum range_contains_elem_support
        """,
        "18": """
            array_append_support array_prepend_support array_subscript_handler_support btboolskipsupport
            btcharskipsupport btint2skipsupport btint4skipsupport btint8skipsupport btoidskipsupport date_skipsupport
            generate_series_numeric_support generate_series_timestamp_support hashcid hashcidextended hashxid hashxid8
            hashxid8extended hashxidextended range_sortsupport timestamp_skipsupport uuid_skipsupport
        """,
    },
    "it takes or gives back locks that outlive the statement": {
        "16 17 18": """
            pg_advisory_lock pg_advisory_lock_shared pg_advisory_unlock pg_advisory_unlock_all pg_advisory_unlock_shared
            pg_advisory_xact_lock pg_advisory_xact_lock_shared pg_try_advisory_lock pg_try_advisory_lock_shared
            pg_try_advisory_xact_lock pg_try_advisory_xact_lock_shared
        """,
    },
    "it tells how the gate is connected": {
        "16 17 18": """
            current_query getpgusername inet_client_addr inet_client_port inet_server_addr inet_server_port system_user
        """,
    },
    "it tells or takes transaction ids": {
        "16 17 18": """
            mxid_age pg_current_snapshot pg_current_xact_id pg_current_xact_id_if_assigned pg_export_snapshot
            pg_last_committed_xact pg_last_xact_replay_timestamp pg_log_standby_snapshot pg_prepared_xact
            pg_replication_origin_xact_reset pg_replication_origin_xact_setup pg_safe_snapshot_blocking_pids
            pg_snapshot_in pg_snapshot_out pg_snapshot_recv pg_snapshot_send pg_snapshot_xip pg_snapshot_xmax
            pg_snapshot_xmin pg_visible_in_snapshot pg_xact_commit_timestamp pg_xact_commit_timestamp_origin
            pg_xact_status txid_current txid_current_if_assigned txid_current_snapshot txid_snapshot_in
            txid_snapshot_out txid_snapshot_recv txid_snapshot_send txid_snapshot_xip txid_snapshot_xmax
            txid_snapshot_xmin txid_status txid_visible_in_snapshot
        """,
    },
    "it tells privileges": {
        "16 17 18": """
            aclcontains acldefault aclexplode aclinsert aclitemeq aclitemin aclitemout aclremove
            has_any_column_privilege has_column_privilege has_database_privilege has_foreign_data_wrapper_privilege
            has_function_privilege has_language_privilege has_parameter_privilege has_schema_privilege
            has_sequence_privilege has_server_privilege has_table_privilege has_tablespace_privilege has_type_privilege
            makeaclitem pg_has_role row_security_active
        """,
        "18": """
            has_largeobject_privilege
        """,
    },
    "it tells statistics or sizes": {
        "16 17 18": """
            pg_database_size pg_indexes_size pg_relation_size pg_stat_clear_snapshot pg_stat_force_next_flush
            pg_stat_get_activity pg_stat_get_analyze_count pg_stat_get_archiver pg_stat_get_autoanalyze_count
            pg_stat_get_autovacuum_count pg_stat_get_backend_activity pg_stat_get_backend_activity_start
            pg_stat_get_backend_client_addr pg_stat_get_backend_client_port pg_stat_get_backend_dbid
            pg_stat_get_backend_idset pg_stat_get_backend_pid pg_stat_get_backend_start pg_stat_get_backend_subxact
            pg_stat_get_backend_userid pg_stat_get_backend_wait_event pg_stat_get_backend_wait_event_type
            pg_stat_get_backend_xact_start pg_stat_get_bgwriter_buf_written_clean pg_stat_get_bgwriter_maxwritten_clean
            pg_stat_get_bgwriter_stat_reset_time pg_stat_get_blocks_fetched pg_stat_get_blocks_hit pg_stat_get_buf_alloc
            pg_stat_get_db_active_time pg_stat_get_db_blk_read_time pg_stat_get_db_blk_write_time
            pg_stat_get_db_blocks_fetched pg_stat_get_db_blocks_hit pg_stat_get_db_checksum_failures
            pg_stat_get_db_checksum_last_failure pg_stat_get_db_conflict_all pg_stat_get_db_conflict_bufferpin
            pg_stat_get_db_conflict_lock pg_stat_get_db_conflict_logicalslot pg_stat_get_db_conflict_snapshot
            pg_stat_get_db_conflict_startup_deadlock pg_stat_get_db_conflict_tablespace pg_stat_get_db_deadlocks
            pg_stat_get_db_idle_in_transaction_time pg_stat_get_db_numbackends pg_stat_get_db_session_time
            pg_stat_get_db_sessions pg_stat_get_db_sessions_abandoned pg_stat_get_db_sessions_fatal
            pg_stat_get_db_sessions_killed pg_stat_get_db_stat_reset_time pg_stat_get_db_temp_bytes
            pg_stat_get_db_temp_files pg_stat_get_db_tuples_deleted pg_stat_get_db_tuples_fetched
            pg_stat_get_db_tuples_inserted pg_stat_get_db_tuples_returned pg_stat_get_db_tuples_updated
            pg_stat_get_db_xact_commit pg_stat_get_db_xact_rollback pg_stat_get_dead_tuples pg_stat_get_function_calls
            pg_stat_get_function_self_time pg_stat_get_function_total_time pg_stat_get_ins_since_vacuum pg_stat_get_io
            pg_stat_get_last_analyze_time pg_stat_get_last_autoanalyze_time pg_stat_get_last_autovacuum_time
            pg_stat_get_last_vacuum_time pg_stat_get_lastscan pg_stat_get_live_tuples pg_stat_get_mod_since_analyze
            pg_stat_get_numscans pg_stat_get_progress_info pg_stat_get_recovery_prefetch pg_stat_get_replication_slot
            pg_stat_get_slru pg_stat_get_snapshot_timestamp pg_stat_get_subscription pg_stat_get_subscription_stats
            pg_stat_get_tuples_deleted pg_stat_get_tuples_fetched pg_stat_get_tuples_hot_updated
            pg_stat_get_tuples_inserted pg_stat_get_tuples_newpage_updated pg_stat_get_tuples_returned
            pg_stat_get_tuples_updated pg_stat_get_vacuum_count pg_stat_get_wal pg_stat_get_wal_receiver
            pg_stat_get_wal_senders pg_stat_get_xact_blocks_fetched pg_stat_get_xact_blocks_hit
            pg_stat_get_xact_function_calls pg_stat_get_xact_function_self_time pg_stat_get_xact_function_total_time
            pg_stat_get_xact_numscans pg_stat_get_xact_tuples_deleted pg_stat_get_xact_tuples_fetched
            pg_stat_get_xact_tuples_hot_updated pg_stat_get_xact_tuples_inserted pg_stat_get_xact_tuples_newpage_updated
            pg_stat_get_xact_tuples_returned pg_stat_get_xact_tuples_updated pg_stat_have_stats pg_stat_reset
            pg_stat_reset_replication_slot pg_stat_reset_shared pg_stat_reset_single_function_counters
            pg_stat_reset_single_table_counters pg_stat_reset_slru pg_stat_reset_subscription_stats
            pg_statistics_obj_is_visible pg_table_size pg_tablespace_size pg_total_relation_size
        """,
        "17 18": """
            pg_stat_get_checkpointer_buffers_written pg_stat_get_checkpointer_num_requested
            pg_stat_get_checkpointer_num_timed pg_stat_get_checkpointer_restartpoints_performed
            pg_stat_get_checkpointer_restartpoints_requested pg_stat_get_checkpointer_restartpoints_timed
            pg_stat_get_checkpointer_stat_reset_time pg_stat_get_checkpointer_sync_time
            pg_stat_get_checkpointer_write_time
        """,
        "16": """
            pg_stat_get_bgwriter_buf_written_checkpoints pg_stat_get_bgwriter_requested_checkpoints
            pg_stat_get_bgwriter_timed_checkpoints pg_stat_get_buf_fsync_backend pg_stat_get_buf_written_backend
            pg_stat_get_checkpoint_sync_time pg_stat_get_checkpoint_write_time
        """,
        "18": """
            pg_stat_get_backend_io pg_stat_get_backend_wal pg_stat_get_checkpointer_num_performed
            pg_stat_get_checkpointer_slru_written pg_stat_get_db_parallel_workers_launched
            pg_stat_get_db_parallel_workers_to_launch pg_stat_get_total_analyze_time pg_stat_get_total_autoanalyze_time
            pg_stat_get_total_autovacuum_time pg_stat_get_total_vacuum_time pg_stat_reset_backend_stats
        """,
    },
}
