//go:build !unix

package reference

// lockFile does nothing where files cannot be locked by the standard library.
func lockFile(string) (unlock func(), err error) { return func() {}, nil }
