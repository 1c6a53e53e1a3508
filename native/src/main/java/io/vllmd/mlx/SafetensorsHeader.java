package io.vllmd.mlx;

import io.vllmd.mlx.Safetensors.Tensor;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.core.JsonParser;
import tools.jackson.core.JsonToken;
import tools.jackson.core.ObjectReadContext;
import tools.jackson.core.StreamReadConstraints;
import tools.jackson.core.json.JsonFactory;

/**
 * The checked header of a safetensors file. The file comes from anybody: every number is bounded before it
 * is used, and a refusal names file, tensor and value.
 */
record SafetensorsHeader(Map<String, Tensor> tensors, Map<String, String> metadata) {

    /** The reference implementation's bound on the header, bytes. */
    static final long MAX_HEADER = 100_000_000;

    /** What an array can have here, see vm_array_info. */
    private static final int MAX_DIMENSIONS = 8;

    /** The header nests two deep in objects and one in arrays. */
    private static final int MAX_DEPTH = 4;

    private static final JsonFactory JSON = JsonFactory.builder()
            .streamReadConstraints(StreamReadConstraints.builder()
                    .maxNestingDepth(MAX_DEPTH)
                    .maxNumberLength(20)
                    .maxNameLength(1 << 16)
                    .maxStringLength((int) MAX_HEADER)
                    .build())
            .build();

    private static final Map<String, Dtype> DTYPES = Map.ofEntries(
            Map.entry("BOOL", Dtype.BOOL),
            Map.entry("U8", Dtype.UINT8),
            Map.entry("U16", Dtype.UINT16),
            Map.entry("U32", Dtype.UINT32),
            Map.entry("U64", Dtype.UINT64),
            Map.entry("I8", Dtype.INT8),
            Map.entry("I16", Dtype.INT16),
            Map.entry("I32", Dtype.INT32),
            Map.entry("I64", Dtype.INT64),
            Map.entry("F16", Dtype.FLOAT16),
            Map.entry("F32", Dtype.FLOAT32),
            Map.entry("F64", Dtype.FLOAT64),
            Map.entry("BF16", Dtype.BFLOAT16),
            Map.entry("C64", Dtype.COMPLEX64));

    static SafetensorsHeader read(Path file, FileChannel channel) throws IOException {
        long size = channel.size();
        if (size < 8) {
            throw bad(file, "it has " + size + " bytes, too few for the 8-byte header length");
        }
        ByteBuffer prefix = ByteBuffer.allocate(8).order(ByteOrder.LITTLE_ENDIAN);
        readFully(file, channel, prefix, 0);
        long length = prefix.getLong(0);
        if (length < 0 || length > MAX_HEADER) {
            throw bad(
                    file,
                    "its header length is " + Long.toUnsignedString(length) + " bytes, the limit is " + MAX_HEADER);
        }
        if (length > size - 8) {
            throw bad(file, "its header should have " + length + " bytes, but only " + (size - 8) + " follow");
        }
        ByteBuffer json = ByteBuffer.allocate((int) length);
        readFully(file, channel, json, 8);
        return new Parser(file, 8 + length, size - 8 - length).parse(json.flip());
    }

    private static void readFully(Path file, FileChannel channel, ByteBuffer into, long at) throws IOException {
        long position = at;
        while (into.hasRemaining()) {
            int n = channel.read(into, position);
            if (n < 0) {
                throw bad(file, "it ends at byte " + position + " within its header");
            }
            position += n;
        }
    }

    private static MlxException bad(Path file, String what) {
        return new MlxException("bad safetensors file " + file + ": " + what);
    }

    private record Parser(Path file, long dataStart, long dataSize) {

        SafetensorsHeader parse(ByteBuffer json) {
            String text;
            try {
                text = StandardCharsets.UTF_8.newDecoder().decode(json).toString();
            } catch (CharacterCodingException e) {
                throw bad(file, "its header is not UTF-8");
            }
            Map<String, Tensor> tensors = new LinkedHashMap<>();
            Map<String, String> metadata = null;
            try (JsonParser p = JSON.createParser(ObjectReadContext.empty(), text)) {
                expect(p, p.nextToken(), JsonToken.START_OBJECT, "header");
                while (p.nextToken() == JsonToken.PROPERTY_NAME) {
                    String name = p.currentName();
                    p.nextToken();
                    if (name.equals("__metadata__")) {
                        if (metadata != null) {
                            throw bad(file, "__metadata__ occurs twice");
                        }
                        metadata = metadata(p);
                    } else if (tensors.put(name, tensor(p, name)) != null) {
                        throw bad(file, "tensor " + name + " occurs twice");
                    }
                }
                if (p.nextToken() != null) {
                    throw bad(file, "its header goes on after the closing brace");
                }
            } catch (JacksonException e) {
                throw bad(file, "its header is not the JSON it should be: " + e.getOriginalMessage());
            }
            checkLayout(tensors.values());
            return new SafetensorsHeader(
                    Collections.unmodifiableMap(tensors),
                    metadata == null ? Map.of() : Collections.unmodifiableMap(metadata));
        }

        private Map<String, String> metadata(JsonParser p) {
            // What MLX writes where it is given no metadata.
            if (p.currentToken() == JsonToken.VALUE_NULL) {
                return Map.of();
            }
            expect(p, p.currentToken(), JsonToken.START_OBJECT, "__metadata__");
            Map<String, String> entries = new LinkedHashMap<>();
            while (p.nextToken() == JsonToken.PROPERTY_NAME) {
                String key = p.currentName();
                expect(p, p.nextToken(), JsonToken.VALUE_STRING, "__metadata__ entry " + key);
                if (entries.put(key, p.getString()) != null) {
                    throw bad(file, "__metadata__ entry " + key + " occurs twice");
                }
            }
            return entries;
        }

        private Tensor tensor(JsonParser p, String name) {
            expect(p, p.currentToken(), JsonToken.START_OBJECT, "tensor " + name);
            String dtype = null;
            long[] shape = null;
            long[] offsets = null;
            while (p.nextToken() == JsonToken.PROPERTY_NAME) {
                String key = p.currentName();
                String where = key + " of tensor " + name;
                JsonToken value = p.nextToken();
                boolean again;
                switch (key) {
                    case "dtype" -> {
                        expect(p, value, JsonToken.VALUE_STRING, where);
                        again = dtype != null;
                        dtype = p.getString();
                    }
                    case "shape" -> {
                        again = shape != null;
                        shape = integers(p, where, MAX_DIMENSIONS);
                    }
                    case "data_offsets" -> {
                        again = offsets != null;
                        offsets = integers(p, where, 2);
                    }
                    default -> throw bad(file, "tensor " + name + " has an unknown field " + key);
                }
                if (again) {
                    throw bad(file, where + " occurs twice");
                }
            }
            return check(name, dtype, shape, offsets);
        }

        private long[] integers(JsonParser p, String where, int most) {
            expect(p, p.currentToken(), JsonToken.START_ARRAY, where);
            long[] values = new long[most];
            int n = 0;
            for (JsonToken t = p.nextToken(); t != JsonToken.END_ARRAY; t = p.nextToken()) {
                expect(p, t, JsonToken.VALUE_NUMBER_INT, where);
                if (n == most) {
                    throw bad(file, where + " has more than " + most + " numbers");
                }
                if (p.getNumberType() == JsonParser.NumberType.BIG_INTEGER || p.getLongValue() < 0) {
                    throw bad(file, where + " holds " + p.getString() + ", outside 0 to " + Long.MAX_VALUE);
                }
                values[n++] = p.getLongValue();
            }
            return Arrays.copyOf(values, n);
        }

        private Tensor check(
                String name, @Nullable String dtypeName, long @Nullable [] shape, long @Nullable [] offsets) {
            if (dtypeName == null || shape == null || offsets == null || offsets.length != 2) {
                throw bad(file, "tensor " + name + " lacks one of dtype, shape, and data_offsets of two numbers");
            }
            Dtype dtype = DTYPES.get(dtypeName);
            if (dtype == null) {
                throw bad(
                        file,
                        "tensor " + name + " has dtype " + dtypeName + ", which is not supported; supported are "
                                + String.join(
                                        ", ", DTYPES.keySet().stream().sorted().toList()));
            }
            int[] dims = new int[shape.length];
            long nbytes = dtype.bytes();
            for (int i = 0; i < dims.length; i++) {
                if (shape[i] > Integer.MAX_VALUE) {
                    throw bad(
                            file,
                            "tensor " + name + " has shape " + Arrays.toString(shape) + ": dimensions end at "
                                    + Integer.MAX_VALUE);
                }
                dims[i] = (int) shape[i];
                try {
                    nbytes = Math.multiplyExact(nbytes, shape[i]);
                } catch (ArithmeticException e) {
                    throw bad(
                            file, "tensor " + name + " has shape " + Arrays.toString(shape) + ", more than 2^63 bytes");
                }
            }
            long begin = offsets[0];
            long end = offsets[1];
            if (begin > end || end > dataSize) {
                throw bad(
                        file,
                        "tensor " + name + " lies at bytes " + begin + " to " + end + " of the data, which has "
                                + dataSize + "; the file is " + (begin > end ? "damaged" : "truncated or damaged"));
            }
            if (end - begin != nbytes) {
                throw bad(
                        file,
                        "tensor " + name + " is " + dtypeName + " of shape " + Arrays.toString(shape) + ", " + nbytes
                                + " bytes, but has " + (end - begin) + " bytes of data");
            }
            return new Tensor(name, dtype, dims, dataStart + begin, nbytes);
        }

        /** Every byte of the data belongs to exactly one tensor. */
        private void checkLayout(Iterable<Tensor> tensors) {
            List<Tensor> sorted = new ArrayList<>();
            tensors.forEach(sorted::add);
            sorted.sort(Comparator.comparingLong(Tensor::offset).thenComparingLong(Tensor::nbytes));
            long at = dataStart;
            String before = "the header";
            for (Tensor t : sorted) {
                if (t.offset() != at) {
                    throw bad(
                            file,
                            "tensor " + t.name() + " begins at byte " + (t.offset() - dataStart) + " of the data, "
                                    + before + " ends at " + (at - dataStart)
                                    + ": they must neither overlap nor leave a gap");
                }
                at += t.nbytes();
                before = "tensor " + t.name();
            }
            if (at != dataStart + dataSize) {
                throw bad(
                        file,
                        "its tensors end at byte " + (at - dataStart) + " of the data, which has " + dataSize
                                + " bytes");
            }
        }

        private void expect(JsonParser p, @Nullable JsonToken is, JsonToken wanted, String where) {
            if (is != wanted) {
                throw bad(
                        file,
                        where + " is " + (is == null ? "missing" : "JSON " + is) + " at header position "
                                + p.currentTokenLocation().getCharOffset() + ", should be " + wanted);
            }
        }
    }
}
