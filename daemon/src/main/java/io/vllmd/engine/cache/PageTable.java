package io.vllmd.engine.cache;

import java.util.Arrays;

/**
 * The pages of one sequence in one layer group, in the order of its positions: entry i holds positions 64·i … 64·i+63.
 * It holds one reference of each page that it names.
 */
public final class PageTable {
    /** An entry whose page was given back. */
    public static final int NONE = -1;

    private int[] pages = new int[8];
    private int length;

    /** Entries, pages given back included. */
    public int length() {
        return length;
    }

    /** The page of an entry, or −1 where it was given back. */
    public int get(int index) {
        return pages[checked(index)];
    }

    /** Appends a page; the caller's reference of it becomes the table's. −1 appends a page that is never read. */
    public void add(int page) {
        if (length == pages.length) {
            pages = Arrays.copyOf(pages, length * 2);
        }
        pages[length++] = page;
    }

    /** All entries, a copy. */
    public int[] pages() {
        return Arrays.copyOf(pages, length);
    }

    /** Gives an entry's page back, as it has fallen behind the window; again, it does nothing. */
    public void drop(int index, PagePool pool) {
        int page = pages[checked(index)];
        if (page != NONE) {
            pages[index] = NONE;
            pool.release(page);
        }
    }

    /** Gives all pages back; the table is empty then. */
    public void release(PagePool pool) {
        for (int i = 0; i < length; i++) {
            drop(i, pool);
        }
        length = 0;
    }

    private int checked(int index) {
        if (index < 0 || index >= length) {
            throw new IndexOutOfBoundsException("entry " + index + " of a page table of " + length);
        }
        return index;
    }
}
