//go:build unix

package reference

import (
	"errors"
	"fmt"
	"os"
	"syscall"
)

// lockFile takes a journal for this process until the returned function is called, or the
// process ends.
func lockFile(path string) (unlock func(), err error) {
	f, err := os.OpenFile(lockName(path), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		f.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, fmt.Errorf("%s is in use by another server: give each its own file", path)
		}
		return nil, fmt.Errorf("locking %s: %w", path, err)
	}
	return func() { f.Close() }, nil
}
