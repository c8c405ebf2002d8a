package ruleset

import "fmt"

// MissingError says that the kernel has no nf_tables at all: there is no ruleset, and nothing that could be one.
type MissingError struct{ Err error }

func (e *MissingError) Error() string {
	return fmt.Sprintf("the kernel has no nf_tables: %v; build it with CONFIG_NF_TABLES, or install the package with its modules", e.Err)
}

func (e *MissingError) Unwrap() error { return e.Err }

// PermissionError says that only root may look at the packet filter.
type PermissionError struct{ Err error }

func (e *PermissionError) Error() string {
	return fmt.Sprintf("cannot look at the packet filter: %v; run as root, or with CAP_NET_ADMIN in the namespace of the network", e.Err)
}

func (e *PermissionError) Unwrap() error { return e.Err }
