//! The checks, one file each, the file named as the check.

mod built_together;
mod copies;
mod cuda_major;
mod cxx_string_abi;
mod gpu_arch_lost;
mod gpu_arch_missing;
mod host_library;
mod layout_mismatch;
mod library_not_allowed;
mod library_path_needed;
mod library_path_shadows;
mod loader_abort;
mod loader_not_modelled;
mod loader_refuses;
mod machine_mismatch;
mod needed_missing;
mod nixl_backend_split;
mod nixl_plugins;
mod plugin_left_behind;
mod pybind_internals;
mod python_abi3;
mod python_tag_mismatch;
mod setting_unread;
mod soname_mismatch;
mod static_tls;
mod symbol_version_ceiling;
mod symbol_version_missing;
mod torch_op_arity;
mod torch_op_keyword;
mod torch_op_missing;
mod torch_op_type;
mod undefined_symbol;

use super::Check;

/// Every check, sorted by id.
pub(super) static ALL: &[&Check] = &[
    &built_together::CHECK,
    &copies::CHECK,
    &cuda_major::CHECK,
    &cxx_string_abi::CHECK,
    &gpu_arch_lost::CHECK,
    &gpu_arch_missing::CHECK,
    &host_library::CHECK,
    &layout_mismatch::CHECK,
    &library_not_allowed::CHECK,
    &library_path_needed::CHECK,
    &library_path_shadows::CHECK,
    &loader_abort::CHECK,
    &loader_not_modelled::CHECK,
    &loader_refuses::CHECK,
    &machine_mismatch::CHECK,
    &needed_missing::CHECK,
    &nixl_backend_split::CHECK,
    &nixl_plugins::CHECK,
    &plugin_left_behind::CHECK,
    &pybind_internals::CHECK,
    &python_abi3::CHECK,
    &python_tag_mismatch::CHECK,
    &setting_unread::CHECK,
    &soname_mismatch::CHECK,
    &static_tls::CHECK,
    &symbol_version_ceiling::CHECK,
    &symbol_version_missing::CHECK,
    &torch_op_arity::CHECK,
    &torch_op_keyword::CHECK,
    &torch_op_missing::CHECK,
    &torch_op_type::CHECK,
    &undefined_symbol::CHECK,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checks_are_sorted_and_explain_themselves() {
        assert!(ALL.windows(2).all(|pair| pair[0].id < pair[1].id));
        for check in ALL {
            assert!(check.explain.len() > 200, "{}: too short to explain anything", check.id);
            let end = check.summary.chars().last();
            assert!(end != Some('.') && !check.summary.starts_with(char::is_uppercase), "{}", check.id);
        }
    }

    #[test]
    fn every_file_here_is_in_the_list() {
        let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/src/audit/checks");
        let names = std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().file_name());
        let mut ids: Vec<String> = names
            .filter_map(|name| Some(name.to_str()?.strip_suffix(".rs")?.replace('_', "-")))
            .filter(|name| name != "mod")
            .collect();
        ids.sort();
        assert_eq!(ids, ALL.iter().map(|check| check.id).collect::<Vec<_>>());
    }
}
