//go:build unix

package cli

import (
	"errors"
	"os"
	"syscall"
)

// lockLease opens the file and locks it for as long as this process lives.
func lockLease(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		f.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, errLeased
		}
		return nil, err
	}
	return f, nil
}

func unlockLease(f *os.File) { f.Close() }
