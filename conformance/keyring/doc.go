// Package keyring says where the keys of a probe run come from: the admin API of the
// reference server, which makes keys of any grant, or a profile, which names keys that
// somebody made. A profile never holds a secret; it says where each one is.
package keyring
