package io.vllmd.engine.cache;

/**
 * A node's page in a group with a sliding window. Once the window has passed it, only a request whose prompt ends near
 * it needs it; so it can be dropped by itself, with the node and its other pages staying.
 */
final class WindowPage extends Idle implements PagePool.Watcher {
    final PrefixNode node;
    final int group;
    private final IdleList list;

    WindowPage(PrefixNode node, int group, IdleList list) {
        this.node = node;
        this.group = group;
        this.list = list;
    }

    @Override
    int weight() {
        return 1;
    }

    @Override
    public void shared() {
        list.remove(this);
        node.shared();
    }

    @Override
    public void alone() {
        list.add(this);
        node.alone();
    }
}
