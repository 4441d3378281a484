package dev.nexrootfs.store;

/** Asked right before an object becomes visible, whether it still may. */
@FunctionalInterface
public interface Fence {
  /** Nothing stands in the way. */
  Fence NONE = () -> {};

  /**
   * Returns where the object may become visible.
   *
   * @throws StoreException where somebody else has taken over
   */
  void check() throws StoreException;
}
