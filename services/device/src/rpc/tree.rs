//! The trees of units that a caller of this service names.

use kit::listing;
use proto::device::v1::Tree;

/// The tree of the contract.
pub fn tree(tree: Tree) -> listing::Tree {
    match tree {
        Tree::Unspecified => listing::Tree::Unspecified,
        Tree::AsOfService => listing::Tree::AsOfService,
        Tree::Present => listing::Tree::Present,
    }
}
